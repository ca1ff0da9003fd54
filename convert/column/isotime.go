package column

import "encoding/binary"

// dayCache reads timestamps like 2006-01-02T15:04:05.999Z quickly: most come
// in runs of the same day.
type dayCache struct {
	yearMonth uint64 // "2006-01-" as it is written
	day       uint16 // "02"
	seconds   int64  // at midnight, since 1970
	known     bool
}

// timestamp reads the timestamp at i, in the form of iso8601. ok is false when
// it is none, or might be one written unusually.
func (c *dayCache) timestamp(d []byte, i int) (ns int64, end int, ok bool) {
	if i+29 > len(d) {
		return 0, 0, false
	}
	yearMonth, day := load(d, i), binary.LittleEndian.Uint16(d[i+8:])
	if (yearMonth != c.yearMonth || day != c.day || !c.known) && !c.learn(d[i:i+10]) {
		return 0, 0, false
	}
	t := load(d, i+11) ^ colons
	if d[i+10] != 'T' || ((t+digitsAndColons)|t)&highs != 0 {
		return 0, 0, false
	}
	t = t*10 + t>>8 // pairs in the bytes 0, 3, 6
	hour, minute, second := t&0xff, t>>24&0xff, t>>48&0xff
	if hour > 23 || minute > 59 || second > 59 {
		return 0, 0, false
	}
	seconds := c.seconds + int64(hour*3600+minute*60+second)
	nanos := 0
	i += 19
	if d[i] == '.' {
		w := load(d, i+1) ^ '0'*ones
		n := leadingDigits(w)
		if n == 0 || n == 8 {
			return 0, 0, false
		}
		nanos = int(eightDigits(w<<(64-8*n)) * integerPowers[9-n])
		i += 1 + n
	}
	if d[i] == 'Z' {
		i++
	}
	ns, ok = nanoseconds(seconds, nanos)
	return ns, i, ok
}

// "00:00:00", and what added to a byte beside it gives a high bit when there is
// no digit or no colon.
const (
	colons          = 0x30_30_3a_30_30_3a_30_30
	digitsAndColons = 0x76_76_7f_76_76_7f_76_76
)

// learn reads a date as yyyy-MM-dd.
func (c *dayCache) learn(date []byte) bool {
	r, t := cursor{text: date}, clock{}
	if !r.date(&t) || !r.done() || !t.valid() {
		return false
	}
	c.yearMonth, c.day = load(date, 0), binary.LittleEndian.Uint16(date[8:])
	c.seconds, c.known = daysSince1970(t.year, t.month, t.day)*daySeconds, true
	return true
}
