package outbound

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func ranges(t *testing.T, texts ...string) (list []Range) {
	t.Helper()
	for _, text := range texts {
		var r Range
		if err := r.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

// Metadata services stay out of reach, however their addresses are written;
// private addresses do if that is asked for.
func TestAddressesAreRefused(t *testing.T) {
	const always, private, never = "always", "private", "never"
	private4 := []string{
		"127.0.0.1", "127.255.255.254", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255",
		"0.0.0.0", "0.1.2.3", "100.64.0.1", "100.127.255.255",
	}
	for want, addresses := range map[string][]string{
		always: {
			"169.254.169.254", "169.254.0.1", "169.254.255.255", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "0:0:0:0:0:ffff:a9fe:a9fe",
			"::169.254.169.254", "64:ff9b::169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "2002:a9fe:a9fe::1", "2002:a9fe:a9fe:1::7",
			"fe80::1", "fe80::1%eth0", "febf:ffff::1", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "::ffff:100.100.100.200", "64:ff9b::100.100.100.200",
			"192.0.0.192", "168.63.129.16", "2002:a83f:8110::1",
			"224.0.0.1", "239.255.255.250", "ff02::1", "ff05::2", "ff01::1", "::ffff:224.0.0.1",
		},
		private: append(private4, "::1", "::", "fc00::1", "fd12:3456::1", "fec0::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "2002:0a00:0001::1", "2002:c0a8:0101::", "::127.0.0.1"),
		never: {
			"1.1.1.1", "52.95.110.1", "172.15.255.255", "172.32.0.1", "192.167.1.1", "100.63.255.255", "100.128.0.1", "169.253.255.255", "169.255.0.1",
			"2606:4700::1111", "64:ff9b::1.1.1.1", "2002:0101:0101::1", "::ffff:1.1.1.1", "fb00::1",
		},
	} {
		for _, address := range addresses {
			to := net.JoinHostPort(address, "443")
			if err := (Addresses{}).control("tcp", to, nil); errors.Is(err, ErrAddress) != (want == always) {
				t.Errorf("%s (%s): %v", address, want, err)
			}
			if err := (Addresses{RefusePrivate: true}).control("tcp", to, nil); errors.Is(err, ErrAddress) != (want != never) {
				t.Errorf("%s (%s), private ones refused: %v", address, want, err)
			}
			ip := netip.MustParseAddr(address).Unmap().WithZone("")
			allowed := Addresses{RefusePrivate: true, Allow: ranges(t, "203.0.113.0/24", ip.String())}
			if err := allowed.control("tcp", to, nil); err != nil {
				t.Errorf("%s, allowed: %v", address, err)
			}
		}
	}
	// An allowed address lets through what ends there, and nothing beside it.
	a := Addresses{RefusePrivate: true, Allow: ranges(t, "10.1.0.0/16", "169.254.7.7")}
	for address, want := range map[string]bool{"10.1.255.255": true, "64:ff9b::10.1.0.1": true, "10.2.0.0": false, "169.254.7.7": true, "169.254.7.8": false} {
		if err := a.control("tcp", net.JoinHostPort(address, "443"), nil); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
	if err := (Addresses{}).control("tcp", "metadata:80", nil); err == nil {
		t.Error("what is no address was let through")
	}
}

func TestRangesAreReadInBothForms(t *testing.T) {
	for text, want := range map[string]string{
		"10.1.2.3": "10.1.2.3", "10.1.2.3/8": "10.0.0.0/8", "fd00::/8": "fd00::/8", "::1": "::1", "::ffff:10.1.2.3": "10.1.2.3", "10.1.2.3/32": "10.1.2.3",
	} {
		var r, again Range
		if err := r.UnmarshalText([]byte(text)); err != nil || r.String() != want {
			t.Errorf("%s = %v, %v; want %s", text, r, err, want)
		}
		if err := again.UnmarshalText([]byte(r.String())); err != nil || again != r {
			t.Errorf("%v read again is %v, %v", r, again, err)
		}
	}
	for _, text := range []string{"", "x", "10.1.2", "10.0.0.0/33", "2852039166", "0xa9fea9fe", "10.1.2.3:80", "example.com", "fe80::1%eth0/64"} {
		var r Range
		if err := r.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q = %v", text, r)
		}
	}
}

// rebinding answers questions for addresses in turn.
type rebinding struct {
	addresses []string
	asked     int
}

// dial is how a resolver reaches it: each question has a connection of its own.
func (r *rebinding) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	go r.serve(far)
	return near, nil
}

// serve answers a question as over TCP: with the length before the message.
func (r *rebinding) serve(c net.Conn) {
	defer c.Close()
	var head [2]byte
	for {
		if _, err := c.Read(head[:]); err != nil {
			return
		}
		question := make([]byte, binary.BigEndian.Uint16(head[:]))
		if _, err := c.Read(question); err != nil {
			return
		}
		end := 12
		for question[end] != 0 {
			end += int(question[end]) + 1
		}
		end += 5 // the last label, type and class
		answer := append([]byte(nil), question[:end]...)
		answer[2], answer[3] = 0x84, 0 // an answer with authority, no error
		clear(answer[6:12])
		if binary.BigEndian.Uint16(question[end-4:]) == 1 { // type A
			answer[7] = 1
			ip := netip.MustParseAddr(r.addresses[min(r.asked, len(r.addresses)-1)]).As4()
			r.asked++
			answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
			answer = append(answer, ip[:]...)
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}

// TestANameThatChangesItsMeaningIsRefused: the address counts that is called,
// each time, and not the one that was looked at before.
func TestANameThatChangesItsMeaningIsRefused(t *testing.T) {
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls++ }))
	defer server.Close()
	names := &rebinding{addresses: []string{"127.0.0.1", "169.254.169.254"}}
	d := Addresses{}.Dialer()
	d.Resolver = &net.Resolver{PreferGo: true, Dial: names.dial}
	transport := Transport(nil)
	transport.Proxy, transport.DialContext, transport.DisableKeepAlives = nil, d.DialContext, true
	client := Client(transport)
	url := "http://endpoint.example.:" + server.URL[strings.LastIndexByte(server.URL, ':')+1:]
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if _, err := client.Get(url); !errors.Is(err, ErrAddress) || TroubleOf(err) != Forbidden {
		t.Errorf("the second call: %v", err)
	}
	if calls != 1 || names.asked != 2 {
		t.Errorf("%d calls after %d questions", calls, names.asked)
	}
}

// Whatever the URL looks like, its host ends at the check.
func TestURLsThatMeanTheMetadataServiceAreRefused(t *testing.T) {
	transport := Transport(nil)
	transport.Proxy = nil
	client := Client(transport)
	for _, url := range []string{
		"http://169.254.169.254/latest/meta-data", "http://[::ffff:169.254.169.254]/", "http://[::ffff:a9fe:a9fe]:80/", "http://[64:ff9b::a9fe:a9fe]/",
		"https://169.254.169.254/", "http://[fd00:ec2::254]/", "http://100.100.100.200/",
	} {
		if _, err := client.Get(url); TroubleOf(err) != Forbidden || !strings.Contains(err.Error(), "the address is refused: it is") {
			t.Errorf("%s: %v", url, err)
		}
	}
	// Spellings that Go does not read as addresses are names, and nobody has them.
	for _, host := range []string{"2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518"} {
		if ip, err := netip.ParseAddr(host); err == nil {
			t.Errorf("%s is the address %v: add it to those above", host, ip)
		}
	}
}

// A redirect is an answer like others: nothing is sent to where it leads.
func TestCredentialsAreForOneHost(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("called with %v", r.Header) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.RedirectHandler(other.URL, status))
		transport := Transport(nil)
		transport.Proxy = nil
		r, err := http.NewRequest(http.MethodPost, server.URL, strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "canary")
		resp, err := Client(transport).Do(r)
		if err != nil || resp.StatusCode != status {
			t.Errorf("%d: %v, %v", status, resp, err)
			continue
		}
		resp.Body.Close()
		transport.CloseIdleConnections()
		server.Close()
	}
}
