// Package sample makes records to try things with: clicks of a made-up shop.
package sample

import (
	"math/rand/v2"
	"strconv"
	"time"
)

// Clicks makes click events, one JSON object each. The same seed gives the
// same clicks, but for their time. It is used by one goroutine.
type Clicks struct {
	random *rand.Rand
	number uint64
}

// NewClicks returns a generator.
func NewClicks(seed uint64) *Clicks {
	return &Clicks{random: rand.New(rand.NewPCG(seed, 0))}
}

var (
	pages     = []string{"/", "/", "/", "/search", "/search", "/product/42", "/product/7", "/product/1138", "/cart", "/checkout"}
	countries = []string{"DE", "DE", "US", "US", "US", "IN", "BR", "FR", "JP", "NG"}
	devices   = []string{"phone", "phone", "phone", "desktop", "desktop", "tablet"}
	referrers = []string{"", "", "", "https://www.example.com/", "https://news.example.org/today"}
)

// Append appends a click that happens at now, without a newline.
func (c *Clicks) Append(dst []byte, now time.Time) []byte {
	c.number++
	dst = append(dst, `{"id":`...)
	dst = strconv.AppendUint(dst, c.number, 10)
	dst = append(dst, `,"time":"`...)
	dst = now.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	dst = append(dst, `","user":"u`...)
	dst = strconv.AppendInt(dst, int64(c.random.ExpFloat64()*500), 10) // few users make most clicks
	dst = append(dst, `","page":"`...)
	dst = append(dst, c.one(pages)...)
	dst = append(dst, `","country":"`...)
	dst = append(dst, c.one(countries)...)
	dst = append(dst, `","device":"`...)
	dst = append(dst, c.one(devices)...)
	if r := c.one(referrers); r != "" {
		dst = append(dst, `","referrer":"`...)
		dst = append(dst, r...)
	}
	dst = append(dst, `","ms":`...)
	dst = strconv.AppendInt(dst, 5+int64(c.random.ExpFloat64()*80), 10)
	return append(dst, '}')
}

func (c *Clicks) one(of []string) string { return of[c.random.IntN(len(of))] }
