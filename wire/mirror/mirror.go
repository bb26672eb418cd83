// Package mirror is what a client knows: it folds the server's JSON messages by the protocol's four
// rules, and says where a message breaks them. Command-line clients, load clients and tests use it.
package mirror

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tapedeck/market"
)

// Check, where not nil, is given the text of every message before it is folded; what it returns breaks the frame. Tests hold
// messages against their schemas with it. It is set before the first mirror is used, and called from several goroutines.
var Check func(message []byte) error

// Mirror is one connection's rooms. It is not for concurrent use.
type Mirror struct {
	Rooms map[string]*Room
	// Message, where not nil, is called with every message after it was folded.
	Message func(m *Message, r *Room)
}

// Room is what is known of one room.
type Room struct {
	Name, Epoch string
	Seq         uint64
	Has         bool // a snapshot came, or a position to resume from is held
	Wants       bool // after a gap: a snapshot must come before the next update
	Partial     bool // the newest snapshot was less than there is
	State       string

	Trades  []Trade           // all that came since the last snapshot, its own included
	Bids    map[string]string // price → quantity, both without trailing zeros
	Asks    map[string]string
	Fields  map[string]any   // quotes and ticker
	Candles map[int64]Candle // by start
	since   int64            // candles that start from here on are all known

	Updates, Events, Snapshots, Gaps uint64
	Lost                             uint64 // events that gaps said are lost, where they knew
}

// Trade is one trade, as told.
type Trade struct {
	ID   string `json:"id"`
	Px   string `json:"px"`
	Qty  string `json:"qty"`
	Side string `json:"side"`
	Ts   int64  `json:"ts"`
}

// Candle is one candle, as told.
type Candle struct {
	Start int64  `json:"start"`
	O     string `json:"o"`
	H     string `json:"h"`
	L     string `json:"l"`
	C     string `json:"c"`
	V     string `json:"v"`
	N     int64  `json:"n"`
	VWAP  string `json:"vwap"`
	Final bool   `json:"final"`
	Rev   uint32 `json:"rev"`
}

// Message is any of the server's messages.
type Message struct {
	T       string          `json:"t"`
	Room    string          `json:"room"`
	Epoch   string          `json:"epoch"`
	Prev    uint64          `json:"prev"`
	Seq     uint64          `json:"seq"`
	From    uint64          `json:"from"`
	To      uint64          `json:"to"`
	N       *uint64         `json:"n"`
	Records *uint64         `json:"records"`
	Ts      int64           `json:"ts"`
	Vts     int64           `json:"vts"`
	State   string          `json:"state"`
	Reason  string          `json:"reason"`
	Code    string          `json:"code"`
	Text    string          `json:"message"`
	ID      json.RawMessage `json:"id"`
	Op      string          `json:"op"`
	Partial bool            `json:"partial"`
	Retry   bool            `json:"retry"`
	After   int64           `json:"after"`
	Recon   bool            `json:"reconnect"`
	Lag     int64           `json:"lag"`
	D       json.RawMessage `json:"d"`
	Rooms   []Granted       `json:"rooms"`
	Raw     json.RawMessage `json:"-"`
}

// Granted is one room of an ok, or of a heartbeat.
type Granted struct {
	Room, State, Interval, Origin, Loss, Epoch string
	Recovered                                  *bool
}

// New returns a mirror without rooms.
func New() *Mirror { return &Mirror{Rooms: map[string]*Room{}} }

// Frame folds one frame: an array of messages. An error says which message broke which rule; what came
// before it is folded.
func (m *Mirror) Frame(frame []byte) error {
	var raw []json.RawMessage
	if err := json.Unmarshal(frame, &raw); err != nil {
		return fmt.Errorf("a frame is not an array of messages: %w: %.200s", err, frame)
	}
	if len(raw) == 0 {
		return fmt.Errorf("an empty frame")
	}
	for _, text := range raw {
		if err := m.fold(text); err != nil {
			return fmt.Errorf("%w: %.300s", err, text)
		}
	}
	return nil
}

func (m *Mirror) fold(text []byte) error {
	if Check != nil {
		if err := Check(text); err != nil {
			return err
		}
	}
	msg := Message{Raw: text}
	if err := json.Unmarshal(text, &msg); err != nil {
		return err
	}
	var r *Room
	if msg.Room != "" {
		r = m.Room(msg.Room)
	}
	var err error
	switch msg.T {
	case "snapshot":
		err = r.snapshot(&msg)
	case "update":
		err = r.update(&msg)
	case "gap":
		err = r.gap(&msg)
	case "status":
		if r != nil {
			r.State = msg.State
		}
	case "ok":
		m.granted(&msg)
	}
	if err == nil && m.Message != nil {
		m.Message(&msg, r)
	}
	return err
}

func (m *Mirror) granted(msg *Message) {
	for _, g := range msg.Rooms {
		switch msg.Op {
		case "subscribe":
			m.Room(g.Room).State = g.State
		case "unsubscribe":
			delete(m.Rooms, g.Room)
		}
	}
}

// Room returns the room of a name, made if need be.
func (m *Mirror) Room(name string) *Room {
	r := m.Rooms[name]
	if r == nil {
		r = &Room{Name: name}
		m.Rooms[name] = r
	}
	return r
}

// unknown is the start of the oldest candle where nothing tells when the room was like that.
const unknown = 1<<63 - 1

func (r *Room) channel() string {
	c, _, _ := strings.Cut(r.Name, ":")
	return c
}

func (r *Room) snapshot(m *Message) error {
	r.Epoch, r.Seq, r.Has, r.Wants, r.Partial = m.Epoch, m.Seq, true, false, m.Partial
	r.Snapshots++
	r.Trades, r.Bids, r.Asks = nil, map[string]string{}, map[string]string{}
	r.Fields, r.Candles = map[string]any{}, map[int64]Candle{}
	err := r.apply(m.D, true)
	switch {
	case len(r.Candles) > 0:
		r.since = slices.Min(slices.Collect(maps.Keys(r.Candles)))
	case !m.Partial:
		r.since = 0
	case m.Ts > 0: // older ones were withheld: only one that begins later is told from its first trade on
		r.since = m.Ts
	default:
		r.since = unknown
	}
	return err
}

func (r *Room) update(m *Message) error {
	switch {
	case !r.Has:
		return fmt.Errorf("an update before any snapshot")
	case r.Wants:
		return fmt.Errorf("an update where a snapshot had to come, after a gap")
	case m.Epoch != "" && r.Epoch != "" && m.Epoch != r.Epoch:
		return fmt.Errorf("an update of epoch %s does not continue %s", m.Epoch, r.Epoch)
	case m.Prev != r.Seq:
		return fmt.Errorf("prev %d does not continue %d", m.Prev, r.Seq)
	case m.Seq <= m.Prev:
		return fmt.Errorf("seq %d is not over prev %d", m.Seq, m.Prev)
	case m.N == nil || *m.N == 0:
		return fmt.Errorf("an update of no events")
	}
	r.Seq, r.Epoch = m.Seq, cmp.Or(m.Epoch, r.Epoch)
	if r.since == unknown {
		r.since = m.Ts
	}
	r.Updates++
	r.Events += *m.N
	return r.apply(m.D, false)
}

func (r *Room) gap(m *Message) error {
	if m.From != r.Seq {
		return fmt.Errorf("a gap from %d does not continue %d", m.From, r.Seq)
	}
	r.Seq, r.Epoch = m.To, m.Epoch
	r.Wants = r.channel() != "trades" || m.Reason == "epoch"
	r.Trades = nil // what came before does not join what comes after
	r.Gaps++
	if m.N != nil {
		r.Lost += *m.N
	}
	return nil
}

func (r *Room) apply(d json.RawMessage, whole bool) error {
	switch r.channel() {
	case "trades":
		var t []Trade
		if err := json.Unmarshal(d, &t); err != nil {
			return err
		}
		r.Trades = append(r.Trades, t...)
	case "book":
		return r.levels(d, whole)
	case "quotes":
		r.Fields = map[string]any{}
		return r.fields(d)
	case "ticker":
		return r.fields(d)
	case "candles":
		var list []Candle
		if err := json.Unmarshal(d, &list); err != nil {
			return err
		}
		for _, c := range list {
			r.Candles[c.Start] = c
		}
	default:
		return fmt.Errorf("unknown channel %q", r.channel())
	}
	return nil
}

func (r *Room) fields(d json.RawMessage) error {
	var fields map[string]any
	if err := json.Unmarshal(d, &fields); err != nil {
		return err
	}
	for k, v := range fields {
		if v == nil {
			delete(r.Fields, k)
		} else {
			r.Fields[k] = v
		}
	}
	return nil
}

func (r *Room) levels(d json.RawMessage, whole bool) error {
	var b struct{ Bids, Asks [][2]string }
	if err := json.Unmarshal(d, &b); err != nil {
		return err
	}
	for i, side := range [][][2]string{b.Bids, b.Asks} {
		levels := r.Bids
		if i == 1 {
			levels = r.Asks
		}
		for _, l := range side {
			price := trim(l[0])
			switch {
			case l[1] == "0" && whole:
				return fmt.Errorf("an empty level in a snapshot")
			case l[1] == "0":
				delete(levels, price)
			default:
				levels[price] = trim(l[1])
			}
		}
	}
	return nil
}

// trim drops trailing zero decimals, so that equal numbers have one spelling.
func trim(s string) string {
	if strings.IndexByte(s, '.') < 0 {
		return s
	}
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}

// Best returns the best bid and ask with their quantities; "" for a side that is empty.
func (r *Room) Best() (bid, bidQty, ask, askQty string) {
	pick := func(levels map[string]string, want int) (string, string) {
		best := ""
		for p := range levels {
			if best == "" || market.MustDecimal(p).Cmp(market.MustDecimal(best)) == want {
				best = p
			}
		}
		return best, levels[best]
	}
	bid, bidQty = pick(r.Bids, 1)
	ask, askQty = pick(r.Asks, -1)
	return bid, bidQty, ask, askQty
}

// Differ says how the state of r differs from that of o, of the same room; "" if it does not. A reader who
// came from another node may have a later seq than the room here, if nothing happened in between. Trades
// and candles are compared as far back as both know them.
func (r *Room) Differ(o *Room) string {
	switch {
	case r.Seq < o.Seq:
		return fmt.Sprintf("seq %d, want %d", r.Seq, o.Seq)
	case !maps.Equal(r.Bids, o.Bids):
		return differMaps("bids", r.Bids, o.Bids)
	case !maps.Equal(r.Asks, o.Asks):
		return differMaps("asks", r.Asks, o.Asks)
	case fmt.Sprint(trimmed(r.Fields)) != fmt.Sprint(trimmed(o.Fields)):
		return fmt.Sprintf("fields %v, want %v", r.Fields, o.Fields)
	}
	n := min(len(r.Trades), len(o.Trades))
	if !slices.Equal(r.Trades[len(r.Trades)-n:], o.Trades[len(o.Trades)-n:]) {
		return fmt.Sprintf("trades %v, want %v", r.Trades[len(r.Trades)-n:], o.Trades[len(o.Trades)-n:])
	}
	since := max(r.since, o.since)
	for start, c := range o.Candles {
		if mine, ok := r.Candles[start]; start >= since && mine != c {
			return fmt.Sprintf("candle %+v (held: %v), want %+v", mine, ok, c)
		}
	}
	for start, c := range r.Candles {
		if _, ok := o.Candles[start]; start >= since && !ok {
			return fmt.Sprintf("candle %+v, want none", c)
		}
	}
	return ""
}

// trimmed returns the fields with their numbers in one spelling.
func trimmed(fields map[string]any) map[string]any {
	out := maps.Clone(fields)
	for k, v := range out {
		if s, ok := v.(string); ok {
			out[k] = trim(s)
		}
	}
	return out
}

func differMaps(what string, have, want map[string]string) string {
	for k, v := range want {
		if have[k] != v {
			return fmt.Sprintf("%s: %s has %q, want %q", what, k, have[k], v)
		}
	}
	for k, v := range have {
		if _, ok := want[k]; !ok {
			return fmt.Sprintf("%s: %s has %q, want none", what, k, v)
		}
	}
	return ""
}
