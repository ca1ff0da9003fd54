package splunk

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/sinks"
)

// bubble runs a test in virtual time with a collector and a sink for it.
func bubble(t *testing.T, change func(*Config), test func(t *testing.T, h *hec, s *Sink)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHEC()
		c := testConfig(t, "http://splunk")
		if change != nil {
			change(c)
		}
		test(t, h, direct(t, c, map[string]http.Handler{"splunk": h}))
	})
}

// sent sends and checks what became of it: "" is success, else the reason.
func sent(t *testing.T, s *Sink, p *sinks.Payload, kind sinks.Kind, reason string) *sinks.Error {
	t.Helper()
	err := s.Send(t.Context(), p)
	if reason == "" {
		if err != nil {
			t.Fatalf("Send: %v", err)
		}
		return nil
	}
	e := sinks.AsError(err)
	if err == nil || e.Kind != kind || e.Reason != reason {
		t.Fatalf("Send = %v (%v, %s), want %v, %s", err, e.Kind, e.Reason, kind, reason)
	}
	if kind == sinks.Permanent && e.Hint == "" {
		t.Errorf("a person has to mend this and is not told how: %v", err)
	}
	return e
}

func (h *hec) indexed(t *testing.T, want int) {
	t.Helper()
	if got := len(h.events); got != want {
		t.Errorf("%d events are indexed, want %d", got, want)
	}
}

func TestSendWaitsForTheAcknowledgment(t *testing.T) {
	bubble(t, nil, func(t *testing.T, h *hec, s *Sink) {
		h.later = 8
		start := time.Now()
		sent(t, s, payload(t, s, "a", "b"), 0, "")
		// After 0.1, 0.2, 0.4 ... 6.4 seconds, and then every 10 seconds.
		if took := time.Since(start); took != 12700*time.Millisecond+20*time.Second {
			t.Errorf("Send returned after %v", took)
		}
		if h.polls != 1+9 { // one was the question whether there are acknowledgments
			t.Errorf("%d polls", h.polls)
		}
		h.indexed(t, 2)
	})
}

func TestAcknowledgmentThatNeverComesIsTriedAgainUnchanged(t *testing.T) {
	bubble(t, nil, func(t *testing.T, h *hec, s *Sink) {
		h.never = true
		p := payload(t, s, "a", "b")
		start := time.Now()
		e := sent(t, s, p, sinks.Retryable, codeAckTimeout)
		if took := time.Since(start); took != 3*time.Minute {
			t.Errorf("gave up after %v, want hec_acknowledgment_timeout", took)
		}
		if !strings.Contains(e.Error(), "sticky") {
			t.Errorf("the error does not say what to look at: %v", e)
		}
		h.set(func() { h.never = false })
		sent(t, s, p, 0, "")
		// The same events, with the same identities, on the same channel.
		if diff := cmp.Diff(h.posts[0], h.posts[1], cmp.AllowUnexported(post{})); diff != "" {
			t.Errorf("the second attempt differs (-first +second):\n%s", diff)
		}
		h.indexed(t, 4)
		if got := h.texts(); len(got) != 2 {
			t.Errorf("%d events with different identities, want 2", len(got))
		}
	})
}

// A node that restarts has forgotten its acknowledgments: it says false.
func TestNodeThatForgetsIsSentToAgain(t *testing.T) {
	bubble(t, nil, func(t *testing.T, h *hec, s *Sink) {
		h.never = true
		time.AfterFunc(20*time.Second, func() {
			h.restart()
			h.set(func() { h.never = false })
		})
		p := payload(t, s, "a")
		sent(t, s, p, sinks.Retryable, codeAckTimeout)
		sent(t, s, p, 0, "")
		h.indexed(t, 2)
	})
}

// Polls that fail are no reason to send again: the events are at the node.
func TestFailedPollsAreRepeated(t *testing.T) {
	bubble(t, nil, func(t *testing.T, h *hec, s *Sink) {
		sent(t, s, payload(t, s, "first"), 0, "")
		for _, answer := range []func(http.ResponseWriter){
			func(w http.ResponseWriter) { reply(w, 503, `{"text":"Server is busy","code":9}`) },
			func(w http.ResponseWriter) { reply(w, 403, `{"text":"Token disabled","code":1}`) },
			func(w http.ResponseWriter) { reply(w, 400, `{"text":"Invalid data channel","code":11}`) },
			func(w http.ResponseWriter) { reply(w, 200, "<html>") },
			func(w http.ResponseWriter) { panic(http.ErrAbortHandler) },
		} {
			h.script = append(h.script, step{path: "/ack", answer: answer})
		}
		sent(t, s, payload(t, s, "second"), 0, "")
		h.indexed(t, 2)
	})
}

// A true is given once: when it gets lost, only sending again helps.
func TestLostAcknowledgmentIsSentAgain(t *testing.T) {
	bubble(t, nil, func(t *testing.T, h *hec, s *Sink) {
		sent(t, s, payload(t, s, "first"), 0, "")
		h.script = []step{{path: "/ack", after: true, answer: func(http.ResponseWriter) { panic(http.ErrAbortHandler) }}}
		p := payload(t, s, "second")
		sent(t, s, p, sinks.Retryable, codeAckTimeout)
		sent(t, s, p, 0, "")
		h.indexed(t, 3)
	})
}

func TestDisabledTokenHoldsAndResumes(t *testing.T) {
	bubble(t, nil, func(t *testing.T, h *hec, s *Sink) {
		sent(t, s, payload(t, s, "first"), 0, "")
		h.set(func() { h.disabled = true })
		p := payload(t, s, "second")
		sent(t, s, p, sinks.Permanent, codeDisabledToken)
		sent(t, s, p, sinks.Permanent, codeDisabledToken)
		h.set(func() { h.disabled = false })
		sent(t, s, p, 0, "")
		h.indexed(t, 2)
	})
}

// While they are missing nothing is sent: it would be sent again and again.
func TestTokenWithoutAcknowledgmentsGetsNoEvents(t *testing.T) {
	bubble(t, nil, func(t *testing.T, h *hec, s *Sink) {
		h.noAcks = true
		p := payload(t, s, "a")
		for range 5 {
			sent(t, s, p, sinks.Permanent, codeNoAcks)
		}
		h.indexed(t, 0)
		h.set(func() { h.noAcks = false })
		sent(t, s, p, 0, "")
		h.indexed(t, 1)

		h.set(func() { h.noAcks = true }) // turned off while events are sent: once too often
		for range 5 {
			sent(t, s, payload(t, s, "b"), sinks.Permanent, codeNoAcks)
		}
		h.indexed(t, 2)
	})
}

// Acknowledgments that are turned off while they are waited for will not come.
func TestAcknowledgmentsThatAreTurnedOffAreNotWaitedFor(t *testing.T) {
	bubble(t, nil, func(t *testing.T, h *hec, s *Sink) {
		sent(t, s, payload(t, s, "first"), 0, "")
		h.never = true
		time.AfterFunc(time.Minute, func() { h.set(func() { h.noAcks = true }) })
		p, start := payload(t, s, "second"), time.Now()
		sent(t, s, p, sinks.Permanent, codeNoAcks)
		if took := time.Since(start); took > time.Minute+longestPoll {
			t.Errorf("it took %v", took)
		}
		sent(t, s, p, sinks.Permanent, codeNoAcks)
		h.indexed(t, 2) // nothing is sent again before they are back
	})
}

// Other products that speak HEC do not know the path, or take it for events.
func TestCollectorsWithoutAcknowledgmentsAreFoundOut(t *testing.T) {
	for status, body := range map[int]string{
		400: `{"text":"Event field is required","code":12}`,
		200: `{"text":"Success","code":0}`,
		422: `what?`,
	} {
		bubble(t, nil, func(t *testing.T, h *hec, s *Sink) {
			h.script = []step{{path: "/ack", answer: func(w http.ResponseWriter) { reply(w, status, body) }}}
			sent(t, s, payload(t, s, "a"), sinks.Permanent, codeNoAcks)
			h.indexed(t, 0)
		})
	}
	bubble(t, nil, func(t *testing.T, h *hec, s *Sink) { // nothing is wrong with it
		h.script = []step{{path: "/ack", answer: func(w http.ResponseWriter) { reply(w, 503, "") }}}
		sent(t, s, payload(t, s, "a"), sinks.Retryable, codeServer)
		sent(t, s, payload(t, s, "a"), 0, "")
	})
}

func TestAcknowledgmentsThatAreNotRequired(t *testing.T) {
	for _, noAcks := range []bool{true, false} {
		t.Run(fmt.Sprintf("if available, missing=%v", noAcks), func(t *testing.T) {
			bubble(t, func(c *Config) { c.HECAcknowledgments = IfAvailable }, func(t *testing.T, h *hec, s *Sink) {
				h.noAcks = noAcks
				var notes []string
				s.note = func(text string) { notes = append(notes, text) }
				for range 2 {
					sent(t, s, payload(t, s, "a"), 0, "")
				}
				if noted := len(notes) == 1 && strings.Contains(notes[0], "no acknowledgments"); noted != noAcks {
					t.Errorf("notes %q", notes)
				}
				if waited := h.polls > 0; waited == noAcks {
					t.Errorf("%d polls", h.polls)
				}
			})
		})
	}
	bubble(t, func(c *Config) { c.HECAcknowledgments = NoAcknowledgments }, func(t *testing.T, h *hec, s *Sink) {
		h.noAcks = true
		sent(t, s, payload(t, s, "a"), 0, "")
		// A token that keeps acknowledgments nobody asks for fills up.
		h.set(func() { h.noAcks = false })
		sent(t, s, payload(t, s, "a"), sinks.Permanent, codeChannel)
		h.indexed(t, 1)
		if h.polls > 0 {
			t.Errorf("%d polls", h.polls)
		}
	})
}

func TestCanceledWaitReturnsAtOnce(t *testing.T) {
	bubble(t, nil, func(t *testing.T, h *hec, s *Sink) {
		h.never = true
		ctx, cancel := context.WithTimeout(t.Context(), 42*time.Second)
		defer cancel()
		start := time.Now()
		err := s.Send(ctx, payload(t, s, "a"))
		if e := sinks.AsError(err); err == nil || e.Kind != sinks.Retryable || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Send = %v (%v)", err, e.Kind)
		}
		if took := time.Since(start); took != 42*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestAcknowledgmentIsAskedOfTheNodeThatTookTheEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := newHEC(), newHEC(), newHEC()
		config := testConfig(t, "http://a")
		config.HECEndpoints = []string{"http://b", "http://c/"}
		s := direct(t, config, map[string]http.Handler{"a": a, "b": b, "c": c})
		all := []*hec{a, b, c}
		for range 6 { // in turn
			sent(t, s, payload(t, s, "x"), 0, "")
		}
		for _, h := range all {
			h.indexed(t, 2)
		}

		// The one that is down is tried once, and then left alone for a while.
		b.script = []step{says(503, ""), says(503, ""), says(503, "")}
		sent(t, s, payload(t, s, "x"), 0, "")
		p := payload(t, s, "x")
		sent(t, s, p, sinks.Retryable, codeServer)
		for range 4 {
			sent(t, s, p, 0, "")
		}
		b.indexed(t, 2)
		time.Sleep(rest)
		b.script = nil
		for range 3 {
			sent(t, s, p, 0, "")
		}
		b.indexed(t, 3)
	})
}

func TestNodesThatAllFailAreTriedInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newHEC(), newHEC()
		config := testConfig(t, "http://a")
		config.HECEndpoints = []string{"http://b"}
		s := direct(t, config, map[string]http.Handler{"a": a, "b": b})
		for _, h := range []*hec{a, b} {
			for range 3 {
				h.script = append(h.script, says(500, ""))
			}
		}
		p := payload(t, s, "x")
		for range 6 {
			sent(t, s, p, sinks.Retryable, codeServer)
			time.Sleep(time.Second)
		}
		if left := len(a.script) + len(b.script); left != 0 {
			t.Errorf("%d of 6 tries were not made", left)
		}
		sent(t, s, p, 0, "")
	})
}

// balancer gives out a cookie with each answer to a request without one, and
// finds the node by it.
type balancer struct {
	nodes  []*hec
	turn   int
	sticky bool
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := -1
	if c, err := r.Cookie("node"); err == nil {
		fmt.Sscan(c.Value, &at)
	}
	if at < 0 {
		b.turn = (b.turn + 1) % len(b.nodes)
		at = b.turn
		if b.sticky {
			http.SetCookie(w, &http.Cookie{Name: "node", Value: fmt.Sprint(at)})
		}
	}
	b.nodes[at].ServeHTTP(w, r)
}

func TestStickyBalancerFindsTheNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &balancer{nodes: []*hec{newHEC(), newHEC(), newHEC()}, sticky: true}
		for i, h := range b.nodes {
			h.later = i
		}
		s := direct(t, testConfig(t, "http://balancer"), map[string]http.Handler{"balancer": b})
		for range 6 {
			sent(t, s, payload(t, s, "x"), 0, "")
		}
		for _, h := range b.nodes {
			h.indexed(t, 2)
		}
	})
}

func TestBalancerThatIsNotStickyIsSuspected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &balancer{nodes: []*hec{newHEC(), newHEC()}}
		for _, h := range b.nodes {
			h.later = 50 // until then the polls are with both
		}
		s := direct(t, testConfig(t, "http://balancer"), map[string]http.Handler{"balancer": b})
		e := sent(t, s, payload(t, s, "x"), sinks.Retryable, codeAckTimeout)
		if !strings.Contains(e.Hint, "sticky") {
			t.Errorf("hint %q", e.Hint)
		}
	})
}

func TestNearlyFullCollectorIsASuccess(t *testing.T) {
	for _, code := range []int{24, 25} {
		bubble(t, nil, func(t *testing.T, h *hec, s *Sink) {
			sent(t, s, payload(t, s, "first"), 0, "")
			h.set(func() { h.channel(h.posts[0].channel).asked[77] = 0 })
			h.script = []step{says(200, fmt.Sprintf(`{"text":"nearly full","code":%d,"ackId":77}`, code))}
			sent(t, s, payload(t, s, "a"), 0, "")
			h.script = []step{says(200, fmt.Sprintf(`{"text":"nearly full","code":%d}`, code))}
			sent(t, s, payload(t, s, "a"), sinks.Throttled, codeBusy)
		})
	}
}

func TestProbe(t *testing.T) {
	for _, test := range []struct {
		name   string
		acks   Acknowledgments
		spoil  func(h *hec)
		kind   sinks.Kind
		reason string
		says   string
	}{
		{"good", Required, func(*hec) {}, 0, "", "http://splunk is healthy and acknowledges"},
		{"without acks", Required, func(h *hec) { h.noAcks = true }, sinks.Permanent, codeNoAcks, ""},
		{"without acks, allowed", IfAvailable, func(h *hec) { h.noAcks = true }, 0, "", "no acknowledgments"},
		{"wrong token", Required, func(h *hec) { h.token = "x" }, sinks.Permanent, codeInvalidToken, ""},
		{"ill", Required, func(h *hec) {
			h.script = []step{{path: "/health", answer: func(w http.ResponseWriter) { reply(w, 503, `{"text":"HEC is unhealthy, queues are full","code":18}`) }}}
		}, sinks.Throttled, codeBusy, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(c *Config) { c.HECAcknowledgments = test.acks }, func(t *testing.T, h *hec, s *Sink) {
				test.spoil(h)
				line, err := s.Probe(t.Context())
				if test.reason == "" {
					if err != nil || !strings.Contains(line, test.says) {
						t.Errorf("Probe = %q, %v; want %q", line, err, test.says)
					}
					return
				}
				if e := sinks.AsError(err); err == nil || e.Kind != test.kind || e.Reason != test.reason || !strings.Contains(err.Error(), "http://splunk") {
					t.Errorf("Probe = %v (%v, %s), want %v, %s", err, e.Kind, e.Reason, test.kind, test.reason)
				}
				h.indexed(t, 0)
			})
		})
	}
}

func TestCertificatesAreChecked(t *testing.T) {
	server := httptest.NewTLSServer(newHEC())
	t.Cleanup(server.Close)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	c := testConfig(t, server.URL)
	s := open(t, c)
	sent(t, s, payload(t, s, "a"), sinks.Permanent, codeUnverified)

	c.TLS.CAFile = filepath.Join(t.TempDir(), "ca.pem")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(c.TLS.CAFile, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, c)
	sent(t, s, payload(t, s, "a"), 0, "")
}

// The token appears in no error, even if a stranger repeats it.
func TestTokenIsNotRepeated(t *testing.T) {
	bubble(t, nil, func(t *testing.T, h *hec, s *Sink) {
		h.script = []step{says(400, `{"text":"I do not like `+testToken+`","code":6}`)}
		if err := s.Send(t.Context(), payload(t, s, "a")); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("Send = %v", err)
		}
	})
}

// A token that is replaced in its file is used with the next request, and is as
// secret as the one before.
func TestReplacedTokenIsUsedWithTheNextRequest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	replace := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	replace("canary-of-another")
	bubble(t, func(c *Config) { c.HECToken.Follow(path) }, func(t *testing.T, h *hec, s *Sink) {
		p := payload(t, s, "a")
		sent(t, s, p, sinks.Permanent, codeInvalidToken)
		h.script = []step{{path: "/ack", answer: func(w http.ResponseWriter) { reply(w, 500, "what is canary-of-another?") }}}
		if err := s.Send(t.Context(), p); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("Send = %v", err)
		}
		replace(testToken)
		sent(t, s, p, 0, "")
		h.indexed(t, 1)
	})
}

func TestPrivateAddressesAreRefusedIfThatIsAskedFor(t *testing.T) {
	server := httptest.NewServer(newHEC())
	t.Cleanup(server.Close)
	c := testConfig(t, server.URL)
	c.Addresses.RefusePrivate = true
	s := open(t, c)
	if e := sent(t, s, payload(t, s, "a"), sinks.Permanent, codeEndpoint); !strings.Contains(e.Error(), "it is private") || !strings.Contains(e.Hint, "addresses.allow") {
		t.Errorf("Send = %v", e)
	}
}

func TestRequestsAreCompressedUnlessTheyShallNot(t *testing.T) {
	for encoding, want := range map[Encoding]string{gzipped: "gzip", plain: ""} {
		bubble(t, func(c *Config) { c.ContentEncoding = encoding }, func(t *testing.T, h *hec, s *Sink) {
			sent(t, s, payload(t, s, `{"a":1}`), 0, "")
			if got := h.posts[0].encoding; got != want {
				t.Errorf("encoding %q, want %q", got, want)
			}
			if diff := cmp.Diff([]string{`{"a":1}`}, h.texts()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
