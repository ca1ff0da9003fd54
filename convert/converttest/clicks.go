package converttest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
)

// Clicks returns n click events of a web shop, about 400 bytes of JSON each.
// They are the same on every call and every machine.
func Clicks(n int) *buffer.Chunk {
	r := rand.New(rand.NewPCG(1, 2))
	pages := []string{"/", "/cart", "/checkout", "/product/", "/search?q=", "/account/orders"}
	agents := []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
	}
	countries := []string{"DE", "US", "FR", "BR", "IN", "JP"}
	at := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	c := &buffer.Chunk{}
	c.Reset(buffer.Position{Epoch: 1, Seq: 1})
	for range n {
		at = at.Add(time.Duration(r.ExpFloat64() * float64(3*time.Millisecond)))
		c.AppendCopy(fmt.Appendf(nil,
			`{"event_id":"%016x%016x","ts":"%s","customer_id":"c-%06d","session":"%012x","page":"%s%d","referrer":"https://www.example.com%s","country":"%s","amount":%.2f,"items":%d,"user_agent":"%s","ip":"10.%d.%d.%d"}`,
			r.Uint64(), r.Uint64(), at.Format("2006-01-02T15:04:05.000Z"), int(r.ExpFloat64()*20000), r.Uint64()>>16,
			pages[r.IntN(len(pages))], r.IntN(5000), pages[r.IntN(len(pages))], countries[int(r.ExpFloat64()*1.5)%len(countries)],
			r.ExpFloat64()*40, r.IntN(5), agents[r.IntN(len(agents))], r.IntN(4), r.IntN(256), r.IntN(256)), at)
	}
	return c
}
