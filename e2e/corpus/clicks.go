package corpus

import (
	"fmt"
	"strconv"
	"time"
)

// Clicks returns click events of about 405 bytes with 15 fields.
func Clicks(seed uint64) *Corpus {
	c := newCorpus(seed)
	c.begin = func() { c.clock += int64(c.below(12)) }
	c.record = []part{
		{`{"id":"`, c.uuid},
		{`","ts":"`, c.isoTime},
		{`","user_id":`, c.userID},
		{`,"session":"`, func(dst []byte) []byte { return c.hex(dst, 16) }},
		{`","event":"`, c.oneOf(eventTypes)},
		{`","path":"`, c.pathWith(paths())},
		{`","ref":"`, c.oneOf(referrers)},
		{`","country":"`, c.oneOf(countries)},
		{`","device":"`, c.oneOf(devices)},
		{`","agent":"`, c.oneOf(userAgents())},
		{`","ip":"`, c.address},
		{`","status":`, c.oneOf(statuses)},
		{`,"bytes":`, c.bytesSent},
		{`,"ms":`, c.latency},
		{`,"bot":`, c.bot},
		{`}`, nil},
	}
	return c
}

var (
	eventTypes = []string{"page_view", "click", "scroll", "impression", "search", "add_to_cart",
		"remove_from_cart", "login", "logout", "purchase", "signup", "error"}
	referrers = []string{"", "https://www.google.com/", "https://duckduckgo.com/", "https://www.bing.com/",
		"https://news.ycombinator.com/", "https://t.co/", "https://www.facebook.com/", "https://lobste.rs/",
		"https://www.reddit.com/r/golang/", "android-app://com.google.android.gm/"}
	countries = []string{"US", "IN", "DE", "GB", "BR", "FR", "JP", "CA", "IT", "ES", "NL", "AU", "MX", "PL", "ID",
		"TR", "KR", "SE", "CH", "BE", "AT", "DK", "NO", "FI", "IE", "PT", "CZ", "RO", "GR", "HU", "UA", "IL", "ZA",
		"AR", "CL", "CO", "PE", "VN", "TH", "PH", "MY", "SG", "HK", "TW", "NZ", "EG", "NG", "KE", "MA", "SA", "AE",
		"PK", "BD", "LK", "BG", "HR", "RS", "SK", "SI", "LT"}
	devices  = []string{"mobile", "desktop", "tablet", "tv"}
	statuses = []string{"200", "200", "200", "304", "302", "404", "500", "503"}
)

// paths returns 5,000 paths of a shop.
func paths() []string {
	sections := []string{"products", "category", "blog", "help", "account", "search", "deals", "brands"}
	words := []string{"running-shoes", "coffee-grinder", "desk-lamp", "rain-jacket", "standing-desk", "usb-c-cable",
		"water-bottle", "mechanical-keyboard", "trail-map", "tent-pegs", "olive-oil", "wool-socks"}
	all := make([]string, 5000)
	for i := range all {
		all[i] = fmt.Sprintf("/%s/%s-%d", sections[i%len(sections)], words[i/7%len(words)], i*7919%100003)
	}
	return all
}

// userAgents returns 80 of them, of four families.
func userAgents() []string {
	families := []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/%d.0.0.0 Safari/537.36",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_%d like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (X11; Linux x86_64; rv:%[1]d.0) Gecko/20100101 Firefox/%[1]d.0",
		"Mozilla/5.0 (Android 14; Mobile; rv:%[1]d.0) Gecko/%[1]d.0 Firefox/%[1]d.0",
	}
	all := make([]string, 80)
	for i := range all {
		all[i] = fmt.Sprintf(families[i%len(families)], 100+i/len(families))
	}
	return all
}

// isoTime appends the clock as 2026-01-01T00:00:00.000Z.
func (c *Corpus) isoTime(dst []byte) []byte {
	return time.UnixMilli(c.clock).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
}

func (c *Corpus) userID(dst []byte) []byte {
	return strconv.AppendInt(dst, int64(100_000+c.skewed(900_000)), 10)
}

// pathWith makes the path: of a fifth with a query nobody else has, of a few
// with what only escapes can say.
func (c *Corpus) pathWith(paths []string) func([]byte) []byte {
	return func(dst []byte) []byte {
		dst = append(dst, paths[c.skewed(len(paths))]...)
		switch {
		case c.chance(0.2):
			dst = append(dst, "?q="...)
			dst = c.hex(dst, 8+c.below(9))
		case c.chance(0.00625): // 0.5 % of all
			dst = append(dst, `?name=\"caf\u00e9\"`...)
		}
		return dst
	}
}

func (c *Corpus) address(dst []byte) []byte {
	ip := c.random.Uint32()
	for shift := 24; shift >= 0; shift -= 8 {
		dst = strconv.AppendUint(dst, uint64(ip>>shift&0xff), 10)
		if shift > 0 {
			dst = append(dst, '.')
		}
	}
	return dst
}

func (c *Corpus) bytesSent(dst []byte) []byte {
	return strconv.AppendInt(dst, int64(c.logNormal(8000, 1.4)), 10)
}

func (c *Corpus) latency(dst []byte) []byte {
	return strconv.AppendFloat(dst, c.logNormal(40, 0.9), 'f', 3, 64)
}

func (c *Corpus) bot(dst []byte) []byte { return strconv.AppendBool(dst, c.chance(0.04)) }
