package server

import (
	"encoding/base64"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"tapedeck/throttle"
	"tapedeck/wire"
)

// admission decides who may connect. Everything is checked before the upgrade, while an answer in
// HTTP can still say what is wrong.
type admission struct {
	config *Config

	mu         sync.Mutex
	sessions   int
	byIP       map[string]int
	handshakes throttle.Bucket
	draining   bool
	empty      chan struct{} // closed when it drains and nobody is left
	once       sync.Once
}

func newAdmission(c *Config) *admission {
	return &admission{
		config: c, byIP: map[string]int{}, empty: make(chan struct{}),
		handshakes: throttle.NewBucket(c.HandshakesPerSecond, 2*c.HandshakesPerSecond),
	}
}

// refusal is an answer to a handshake that is not accepted.
type refusal struct {
	status int
	reason string // a metric's label
	text   string
	after  int // s; Retry-After
}

// enter counts a connection in, or says why not. leave takes it back.
func (a *admission) enter(ip string) *refusal {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.draining:
		return &refusal{http.StatusServiceUnavailable, "draining", "draining: connect to another node", 1}
	case a.sessions >= a.config.MaxConnections:
		return &refusal{http.StatusServiceUnavailable, "connections", "all connections are taken", 5}
	case a.config.ConnectionsPerIP > 0 && a.byIP[ip] >= a.config.ConnectionsPerIP:
		return &refusal{http.StatusTooManyRequests, "connections_per_ip", "too many connections from this address", 5}
	}
	if _, ok := a.handshakes.Take(1, time.Now().UnixNano()); !ok {
		return &refusal{http.StatusServiceUnavailable, "handshakes", "too many handshakes at once", 1}
	}
	a.sessions++
	a.byIP[ip]++
	return nil
}

func (a *admission) leave(ip string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sessions--
	if a.byIP[ip]--; a.byIP[ip] <= 0 {
		delete(a.byIP, ip)
	}
	a.emptied()
}

// drain lets nobody in any more. The returned channel is closed when all who were in have left.
func (a *admission) drain() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.draining = true
	a.emptied()
	return a.empty
}

func (a *admission) emptied() {
	if a.draining && a.sessions == 0 {
		a.once.Do(func() { close(a.empty) })
	}
}

func (a *admission) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sessions
}

// foreign is the answer to a page of an origin that is not allowed.
var foreign = &refusal{http.StatusForbidden, "origin", "this origin is not allowed: list it with --origins", 0}

// origin reports whether a browser's page may talk to us: one of our own host, or one that is listed.
// A request without an Origin does not come from a page. Without TLS of our own there may be a proxy
// that has it, so the scheme of our own host is then either.
func (a *admission) origin(r *http.Request) bool {
	values := r.Header.Values("Origin")
	if len(values) == 0 {
		return true
	}
	if len(values) > 1 {
		return false
	}
	origin := values[0]
	if slices.Contains(a.config.Origins, origin) {
		return true
	}
	return r.Host != "" && (origin == "https://"+r.Host || origin == "http://"+r.Host && r.TLS == nil)
}

// handshake checks what RFC 6455 §4.2.1 asks of a client, and chooses the encoding. protocol is "" where
// none was asked for.
func handshake(r *http.Request) (enc wire.Encoding, protocol string, bad *refusal) {
	refuse := func(status int, text string) (wire.Encoding, string, *refusal) {
		return nil, "", &refusal{status, "handshake", text, 0}
	}
	h := r.Header
	switch {
	case r.Method != http.MethodGet || r.ProtoMajor != 1 || r.ProtoMinor < 1 || r.ContentLength != 0:
		return refuse(http.StatusBadRequest, "a WebSocket begins with a GET of HTTP/1.1, without a body")
	case !headerHas(h, "Connection", "upgrade") || !strings.EqualFold(h.Get("Upgrade"), "websocket"):
		return refuse(http.StatusUpgradeRequired, "this address speaks WebSocket: connect with wscat -c, or read /v1/events with curl")
	case h.Get("Sec-WebSocket-Version") != "13":
		return refuse(http.StatusUpgradeRequired, "WebSocket version 13 is spoken here")
	}
	key, err := base64.StdEncoding.DecodeString(h.Get("Sec-WebSocket-Key"))
	if err != nil || len(key) != 16 {
		return refuse(http.StatusBadRequest, "Sec-WebSocket-Key is not 16 bytes in base64")
	}
	asked := tokens(h, "Sec-WebSocket-Protocol")
	if len(asked) == 0 {
		return wire.JSON, "", nil
	}
	for _, name := range asked {
		if enc, ok := wire.Lookup(name); ok {
			return enc, name, nil
		}
	}
	return refuse(http.StatusBadRequest, "unknown sub-protocol: there are tapedeck.v1.json and tapedeck.v1.msgpack")
}

// tokens splits a header's lists.
func tokens(h http.Header, name string) (list []string) {
	for _, line := range h.Values(name) {
		for t := range strings.SplitSeq(line, ",") {
			if t = strings.TrimSpace(t); t != "" {
				list = append(list, t)
			}
		}
	}
	return list
}

func headerHas(h http.Header, name, want string) bool {
	return slices.ContainsFunc(tokens(h, name), func(t string) bool { return strings.EqualFold(t, want) })
}

// remoteIP is where a request comes from: an address, or of IPv6 the network of 64 bits that a customer has.
func remoteIP(r *http.Request) string {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	network, _ := ip.Prefix(64) // an IPv6 address has them
	return network.String()
}
