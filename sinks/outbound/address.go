package outbound

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/hydrant-dev/hydrant/configs/field"
)

// Addresses are rules for where a destination may be. They are checked on what
// a name has resolved to, each time a connection is made: a name that suddenly
// means another machine does not get around them. The metadata services of
// clouds, which give credentials away, and other link-local addresses are
// refused in any case, unless they are in Allow. With a proxy the rules are for
// the proxy.
type Addresses struct {
	RefusePrivate bool    `yaml:"refuse_private,omitempty" doc:"Refuse loopback and private addresses, too: for destinations that are on the Internet."`
	Allow         []Range `yaml:"allow,omitempty" doc:"Addresses, or ranges of them, that are called although they would be refused: [10.1.2.3, 169.254.7.0/24]."`
}

// Dialer makes connections to allowed addresses.
func (a Addresses) Dialer() *net.Dialer {
	return &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second, Control: a.control}
}

// Transport returns one of its own for each destination.
func (a Addresses) Transport(config *tls.Config) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            a.Dialer().DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        time.Minute,
		ExpectContinueTimeout:  5 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		WriteBufferSize:        64 << 10,
		DisableCompression:     true, // Content-Encoding belongs to the payload
	}
}

// ErrAddress says that the rules do not allow an address.
var ErrAddress = errors.New("the address is refused")

// control sees the address that a name resolved to.
func (a Addresses) control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("dial %s: %w", address, err)
	}
	if why := a.refuses(to.Addr()); why != "" {
		return fmt.Errorf("dial %s: %w: %s", address, ErrAddress, why)
	}
	return nil
}

// refuses returns why an address is refused, or "".
func (a Addresses) refuses(ip netip.Addr) string {
	ip = ip.Unmap().WithZone("")
	if slices.ContainsFunc(a.Allow, func(r Range) bool { return r.prefix.Contains(ip) }) {
		return ""
	}
	why := a.refusesPlain(ip)
	if inner, ok := embedded(ip); ok && why == "" {
		return a.refuses(inner)
	}
	return why
}

func (a Addresses) refusesPlain(ip netip.Addr) string {
	switch {
	case ip.IsLinkLocalUnicast():
		return "it is link-local"
	case ip.IsMulticast():
		return "it is a multicast address"
	case slices.Contains(metadataServices, ip):
		return "it is a metadata service"
	case a.RefusePrivate && (ip.IsPrivate() || ip.IsLoopback() || ip.IsUnspecified() ||
		slices.ContainsFunc(privateRanges, func(p netip.Prefix) bool { return p.Contains(ip) })):
		return "it is private"
	}
	return ""
}

// metadataServices are those that are not at a link-local address: of Amazon,
// Google, Alibaba, Oracle and Azure.
var metadataServices = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("fd20:ce::254"), netip.MustParseAddr("100.100.100.200"),
	netip.MustParseAddr("192.0.0.192"), netip.MustParseAddr("168.63.129.16"),
}

// privateRanges are those beside what net/netip calls private: behind carriers'
// address translation, "this network", and the site-local ones of old.
var privateRanges = []netip.Prefix{netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("fec0::/10")}

// embedded returns the IPv4 address that packets to an IPv6 address end at, by
// way of NAT64, 6to4, or the IPv4-compatible form.
func embedded(ip netip.Addr) (netip.Addr, bool) {
	if !ip.Is6() {
		return ip, false
	}
	b := ip.As16()
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(ip), netip.MustParsePrefix("::/96").Contains(ip) && b[12] != 0:
		return netip.AddrFrom4([4]byte(b[12:])), true
	case netip.MustParsePrefix("2002::/16").Contains(ip):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return ip, false
}

// Range is an address, or a range like 10.0.0.0/8.
type Range struct{ prefix netip.Prefix }

// UnmarshalText reads both forms.
func (r *Range) UnmarshalText(text []byte) error {
	prefix, err := netip.ParsePrefix(string(text))
	if err != nil {
		var ip netip.Addr
		if ip, err = netip.ParseAddr(string(text)); err == nil && ip.Zone() == "" {
			prefix, err = ip.Unmap().Prefix(ip.Unmap().BitLen())
		}
	}
	if err != nil || !prefix.IsValid() {
		return &field.Error{Text: fmt.Sprintf("%q is not an address", text), Hint: "write something like 10.1.2.3, 10.0.0.0/8 or fd00::/8"}
	}
	r.prefix = prefix.Masked()
	return nil
}

// MarshalText writes a form that UnmarshalText reads.
func (r Range) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

func (r Range) String() string {
	if r.prefix.IsSingleIP() {
		return r.prefix.Addr().String()
	}
	return r.prefix.String()
}
