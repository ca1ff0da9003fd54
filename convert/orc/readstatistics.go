package orc

import (
	"strconv"
	"time"
)

// Statistics sum up the values of a column, as texts for people. Those that
// are not there are empty.
type Statistics struct {
	Values  uint64 // not null
	HasNull bool
	Min     string
	Max     string
	Sum     string // of numbers; of texts and binaries their lengths; of booleans how many are true
}

func parseStatistics(m []byte) (s Statistics, err error) {
	err = fields(m, func(v value) error {
		switch v.field {
		case 1:
			s.Values = v.n
		case 10:
			s.HasNull = v.n != 0
		case 2, 3, 4, 5, 6, 7, 8, 9:
			return s.parse(v.field, v.bytes)
		}
		return nil
	})
	return s, err
}

// parse reads the part for a group of types, by its number in the message.
func (s *Statistics) parse(group int, m []byte) error {
	return fields(m, func(v value) error {
		text := ""
		switch group {
		case 2, 7:
			text = strconv.FormatInt(v.sint(), 10)
			if group == 7 {
				text = day(v.sint())
			}
		case 3:
			text = strconv.FormatFloat(v.double(), 'g', -1, 64)
		case 4, 6:
			text = v.text()
			if group == 4 && v.field == 3 {
				text = strconv.FormatInt(v.sint(), 10)
			}
		case 5:
			counts, err := v.numbers(nil)
			if err != nil || len(counts) == 0 {
				return err
			}
			s.Sum = strconv.FormatUint(counts[0], 10)
			return nil
		case 8:
			s.Sum = strconv.FormatInt(v.sint(), 10)
			return nil
		case 9:
			text = time.UnixMilli(v.sint()).UTC().Format(time.RFC3339Nano)
			if v.field > 2 { // in UTC
				v.field -= 2
			}
		}
		switch v.field {
		case 1:
			s.Min = text
		case 2:
			s.Max = text
		case 3:
			s.Sum = text
		}
		return nil
	})
}

func day(n int64) string {
	return time.Unix(86400*n, 0).UTC().Format(time.DateOnly)
}
