package column

const daySeconds = 86400

// clock is a time as it is written.
type clock struct {
	year, month, day     int
	hour, minute, second int
	nanos                int
	offset               int // seconds east of UTC
}

// valid reports whether there is such a time. Leap seconds are none.
func (c *clock) valid() bool {
	return c.month >= 1 && c.month <= 12 && c.day >= 1 && c.day <= daysIn(c.year, c.month) &&
		c.hour < 24 && c.minute < 60 && c.second < 60
}

// seconds returns the seconds since 1970.
func (c *clock) seconds() int64 {
	return daysSince1970(c.year, c.month, c.day)*daySeconds + int64(c.hour*3600+c.minute*60+c.second-c.offset)
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysSince1970 counts in the proleptic Gregorian calendar, for years from 0 on.
func daysSince1970(year, month, day int) int64 {
	// Years start in March here, so that the leap day is the last; 400 of them
	// more keep every division positive.
	y, m := int64(year)+400, int64(month)-3
	if m < 0 {
		y, m = y-1, m+12
	}
	const until1970 = 719468 + 146097 // from 0000-03-01, and 400 years
	return y*365 + y/4 - y/100 + y/400 + (153*m+2)/5 + int64(day) - 1 - until1970
}

// nanoseconds joins seconds and a fraction; ok is false beyond int64.
func nanoseconds(seconds int64, nanos int) (ns int64, ok bool) {
	if seconds < -9223372037 || seconds > 9223372036 {
		return 0, false
	}
	ns = seconds*1e9 + int64(nanos)
	return ns, ns < 0 == (seconds < 0)
}

// cursor reads a text from left to right.
type cursor struct {
	text []byte
	at   int
}

// next returns the next byte, or 0 at the end.
func (c *cursor) next() byte {
	if c.at < len(c.text) {
		return c.text[c.at]
	}
	return 0
}

func (c *cursor) accept(b byte) bool {
	if c.at < len(c.text) && c.text[c.at] == b {
		c.at++
		return true
	}
	return false
}

func (c *cursor) done() bool { return c.at == len(c.text) }

// number reads from least to most digits.
func (c *cursor) number(n *int, least, most int) bool {
	start := c.at
	*n = 0
	for c.at < len(c.text) && c.at-start < most && c.text[c.at]-'0' <= 9 {
		*n = *n*10 + int(c.text[c.at]-'0')
		c.at++
	}
	return c.at-start >= least
}

// fraction reads up to most digits as a fraction of a second.
func (c *cursor) fraction(nanos *int, most int) bool {
	start := c.at
	if !c.number(nanos, 1, most) {
		return false
	}
	*nanos *= int(integerPowers[9-(c.at-start)])
	return true
}

// zone reads Z, +01, +0100 or +01:00.
func (c *cursor) zone(offset *int) bool {
	if c.accept('Z') {
		return true
	}
	sign := 1
	if c.accept('-') {
		sign = -1
	} else if !c.accept('+') {
		return false
	}
	var hours, minutes int
	if !c.number(&hours, 2, 2) {
		return false
	}
	if c.accept(':') || c.next()-'0' <= 9 {
		if !c.number(&minutes, 2, 2) {
			return false
		}
	}
	*offset = sign * (hours*3600 + minutes*60)
	return hours <= 18 && minutes < 60 // java.time's bounds
}

// date reads yyyy-[M]M-[d]d.
func (c *cursor) date(t *clock) bool {
	return c.number(&t.year, 4, 4) && c.accept('-') && c.number(&t.month, 1, 2) && c.accept('-') && c.number(&t.day, 1, 2)
}

// parseDate reads a whole text as yyyy-[M]M-[d]d: days since 1970.
func parseDate(text []byte) (days int64, ok bool) {
	c, t := cursor{text: text}, clock{}
	if !c.date(&t) || !c.done() || !t.valid() {
		return 0, false
	}
	return daysSince1970(t.year, t.month, t.day), true
}
