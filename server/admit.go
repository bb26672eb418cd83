package server

import (
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
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
}

func newAdmission(c *Config) *admission {
	return &admission{config: c, byIP: map[string]int{}, handshakes: throttle.NewBucket(c.HandshakesPerSecond, 2*c.HandshakesPerSecond)}
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
}

func (a *admission) drain() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.draining = true
}

func (a *admission) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sessions
}

// origin reports whether a browser's page may talk to us: one of our own host, or one that is listed.
// A request without an Origin does not come from a page.
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
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return u.Scheme == scheme && u.Host == r.Host
}

// handshake checks what RFC 6455 §4.2.1 asks of a client, and chooses the encoding.
func handshake(r *http.Request) (wire.Encoding, *refusal) {
	bad := func(text string) (wire.Encoding, *refusal) {
		return nil, &refusal{http.StatusBadRequest, "handshake", text, 0}
	}
	h := r.Header
	switch {
	case r.Method != http.MethodGet || r.ProtoMajor != 1:
		return bad("a WebSocket begins with a GET of HTTP/1.1")
	case !headerHas(h, "Connection", "upgrade") || !strings.EqualFold(h.Get("Upgrade"), "websocket"):
		return nil, &refusal{http.StatusUpgradeRequired, "handshake", "this address speaks WebSocket: connect with wscat -c, or read /v1/events with curl", 0}
	case h.Get("Sec-WebSocket-Version") != "13":
		return nil, &refusal{http.StatusUpgradeRequired, "handshake", "WebSocket version 13 is spoken here", 0}
	}
	key, err := base64.StdEncoding.DecodeString(h.Get("Sec-WebSocket-Key"))
	if err != nil || len(key) != 16 {
		return bad("Sec-WebSocket-Key is not 16 bytes in base64")
	}
	asked := tokens(h, "Sec-WebSocket-Protocol")
	if len(asked) == 0 {
		return wire.JSON, nil
	}
	for _, name := range asked {
		if enc, ok := wire.Lookup(name); ok {
			return enc, nil
		}
	}
	return bad("unknown sub-protocol: there are tapedeck.v1.json and tapedeck.v1.msgpack")
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

func remoteIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
