package subscriptions

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"tapedeck/market"
	"tapedeck/snapshot"
	"tapedeck/wire"
)

// Config of a hub. It is not changed after New.
type Config struct {
	Limits  snapshot.Limits
	Entries int      // kept a room (1024)
	Depths  []string // variants of book
	Widths  []string // variants of candles
	// Only, where not nil, tells whether this node serves a room; asked once per base room.
	Only func(market.Room) bool
	// Instruments are known from elsewhere: facts of those that have had an event, which the venue's own word
	// outweighs, and where they have a name also instruments that have had none yet.
	Instruments []Listed
	// Deflater makes what compresses for a desk's subscribers, where some ask for it.
	Deflater func() wire.Deflate
}

// Hub is one timeline's rooms.
type Hub struct {
	config Config
	counts counts

	mu       sync.RWMutex
	venues   map[string]Venue
	listings map[symbolKey]*listing
	known    map[nativeKey]Listed         // from Config.Instruments; never changed
	natives  map[nativeKey]*market.Symbol // of every symbol that had an event
	called   map[symbolKey]bool           // that symbols have, and instruments known from elsewhere
	desks    atomic.Pointer[[]*Desk]      // as logs
	digests  atomic.Pointer[Digests]
	logs     atomic.Pointer[[]*Log] // copied when one is added: it is read under listings' locks
}

// Venue is how a venue's channels come to be.
type Venue struct {
	Derived [market.NumChannels]bool
}

type symbolKey struct{ venue, symbol string }

// listing is all the rooms of one symbol. Its lock guards them.
type listing struct {
	hub    *Hub
	key    symbolKey
	mu     sync.Mutex
	symbol *market.Symbol // nil before the first event
	facts  market.Instrument
	idle   int64 // since when nobody asked for it, while it has had no event
	dead   bool  // swept: whoever still holds it looks it up again
	rooms  [market.NumChannels]*Room
	views  map[string]*Room // by channel and variant
}

// counts are a hub's counters, for metrics.
type counts struct {
	gaps     [len(gapReasons)]atomic.Uint64
	encoded  atomic.Uint64
	deflated atomic.Uint64
}

var gapReasons = [...]wire.GapReason{wire.GapSource, wire.GapRetention, wire.GapSlow, wire.GapArchive, wire.GapEpoch}

func (c *counts) gap(why wire.GapReason) {
	if i := slices.Index(gapReasons[:], why); i >= 0 {
		c.gaps[i].Add(1)
	}
}

// NewHub returns an empty timeline.
func NewHub(c Config) *Hub {
	c.Limits = withDefaults(c.Limits)
	c.Entries = cmp.Or(c.Entries, 1024)
	h := &Hub{
		config: c, venues: map[string]Venue{}, listings: map[symbolKey]*listing{},
		known: map[nativeKey]Listed{}, natives: map[nativeKey]*market.Symbol{}, called: map[symbolKey]bool{},
	}
	for _, i := range c.Instruments {
		h.known[nativeKey{i.Venue, i.Native}] = i
		if i.Name != "" {
			h.called[symbolKey{i.Venue, i.Name}] = true
		}
	}
	h.logs.Store(new([]*Log))
	h.desks.Store(new([]*Desk))
	return h
}

func withDefaults(l snapshot.Limits) snapshot.Limits {
	d := snapshot.DefaultLimits
	return snapshot.Limits{
		Trades: cmp.Or(l.Trades, d.Trades), Tape: cmp.Or(l.Tape, d.Tape), Depth: cmp.Or(l.Depth, d.Depth),
		Changes: cmp.Or(l.Changes, d.Changes), Pending: cmp.Or(l.Pending, d.Pending),
		Minutes: cmp.Or(l.Minutes, d.Minutes), Candles: cmp.Or(l.Candles, d.Candles),
	}
}

// AddVenue makes a venue's rooms known: they can be joined before their first event.
func (h *Hub) AddVenue(name string, v Venue) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.venues[name] = v
}

// Venues returns the names of the known venues, sorted.
func (h *Hub) Venues() []string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	names := make([]string, 0, len(h.venues))
	for n := range h.venues {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func (h *Hub) venue(name string) (Venue, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	v, ok := h.venues[name]
	return v, ok
}

// log returns the open log of an epoch; nil if there is none.
func (h *Hub) log(epoch string) *Log {
	for _, l := range *h.logs.Load() {
		if *l.name.Load() == epoch {
			return l
		}
	}
	return nil
}

// partial reports that some log was not read from its beginning: a room without records here may have
// had some.
func (h *Hub) partial() bool {
	return slices.ContainsFunc(*h.logs.Load(), func(l *Log) bool { return l.start.Load() > 0 })
}

// listing returns the listing of a symbol, made if need be.
func (h *Hub) listing(key symbolKey) *listing {
	h.mu.RLock()
	l := h.listings[key]
	h.mu.RUnlock()
	if l != nil {
		return l
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if l = h.listings[key]; l == nil {
		l = &listing{hub: h, key: key, views: map[string]*Room{}}
		h.listings[key] = l
	}
	return l
}

// served reports whether this node has the room: it is offered, no filter leaves it out, and its symbol is not called by
// the venue's name for it.
func (h *Hub) served(name market.Room) bool {
	return h.offered(name) && h.wanted(name) && h.Misnamed(name) == nil
}

// offered reports whether the room's venue is known and its variant on offer.
func (h *Hub) offered(name market.Room) bool {
	if _, ok := h.venue(name.Venue); !ok {
		return false
	}
	switch name.Channel {
	case market.BookChannel:
		return name.Variant == "" || slices.Contains(h.config.Depths, name.Variant)
	case market.CandlesChannel:
		return slices.Contains(h.config.Widths, name.Variant)
	default:
		return name.Variant == ""
	}
}

func (h *Hub) wanted(name market.Room) bool {
	base := name
	base.Variant = ""
	return h.config.Only == nil || h.config.Only(base)
}

// base returns the symbol's base room of a channel, made if need be. The listing is locked.
func (l *listing) base(c market.Channel, derived [market.NumChannels]bool) *Room {
	if r := l.rooms[c]; r != nil {
		return r
	}
	name := market.Room{Channel: c, Venue: l.key.venue, Symbol: l.key.symbol, Variant: snapshot.Channels[c].Variant}
	r := newRoom(l, name, l.hub)
	r.derived = derived[c]
	l.rooms[c] = r
	if d, ok := snapshot.Derivations[c]; ok && r.derived {
		base := l.base(d.From, derived)
		r.base = base
		r.rebase(base)
		r.shown, _ = r.visible()
		base.views = append(base.views, r)
		if r.home != nil {
			r.announce()
		}
	} else {
		r.state = r.fresh(snapshot.Origin{Whole: true})
	}
	return r
}

// room returns the room of a name that is served, made if need be. The listing is locked.
func (l *listing) room(name market.Room, v Venue) *Room {
	base := l.base(name.Channel, v.Derived)
	if name.Variant == snapshot.Channels[name.Channel].Variant {
		return base
	}
	key := name.Channel.String() + "@" + name.Variant
	if r := l.views[key]; r != nil {
		return r
	}
	r := newRoom(l, name, l.hub)
	r.base, r.derived = base, true
	r.rebase(base)
	r.shown, _ = r.visible()
	base.views = append(base.views, r)
	l.views[key] = r
	return r
}

// room finds or makes a served room; nil if it is not served.
func (h *Hub) room(name market.Room) *Room {
	if !h.served(name) {
		return nil
	}
	v, _ := h.venue(name.Venue)
	l := h.lock(symbolKey{name.Venue, name.Symbol})
	defer l.mu.Unlock()
	r := l.room(name, v)
	l.idle, r.idle = 0, 0
	return r
}

// lock returns the listing of a symbol, locked, made if need be.
func (h *Hub) lock(key symbolKey) *listing {
	for {
		l := h.listing(key)
		l.mu.Lock()
		if !l.dead {
			return l
		}
		l.mu.Unlock()
	}
}

// Sweep drops the views that have had no reader for a minute, and the symbols that were asked for but
// never had a record. now is in ns.
func (h *Hub) Sweep(now int64) {
	for _, l := range h.all() {
		l.mu.Lock()
		l.sweep(now)
		abandoned := l.abandoned(now)
		l.mu.Unlock()
		if abandoned {
			h.drop(l)
		}
	}
}

const linger = 60e9 // ns that a view outlives its last reader

func (l *listing) sweep(now int64) {
	for _, r := range l.rooms {
		if r != nil {
			r.cache.trim(len(r.watches) == 0)
		}
	}
	for key, v := range l.views {
		v.cache.trim(len(v.watches) == 0)
		switch {
		case len(v.watches) > 0:
			v.idle = 0
		case v.idle == 0:
			v.idle = now
		case now-v.idle >= linger || l.symbol == nil:
			delete(l.views, key)
			v.base.views = slices.DeleteFunc(v.base.views, func(o *Room) bool { return o == v })
		}
	}
}

// abandoned reports that the symbol never had an event and nobody has followed it since the last sweep:
// clients may ask for any number of names.
func (l *listing) abandoned(now int64) bool {
	followed := l.symbol != nil || len(l.views) > 0
	for _, r := range l.rooms {
		followed = followed || (r != nil && len(r.watches) > 0)
	}
	switch {
	case followed:
		l.idle = 0
	case l.idle == 0:
		l.idle = now
	default:
		return true
	}
	return false
}

func (h *Hub) drop(l *listing) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.symbol == nil && l.idle != 0 {
		l.dead = true
		delete(h.listings, l.key)
	}
}

func (h *Hub) all() []*listing {
	h.mu.RLock()
	defer h.mu.RUnlock()
	list := make([]*listing, 0, len(h.listings))
	for _, l := range h.listings {
		list = append(list, l)
	}
	return list
}
