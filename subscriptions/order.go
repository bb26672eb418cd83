package subscriptions

import (
	"cmp"
	"slices"

	"tapedeck/market"
	"tapedeck/wire"
)

// order is a standing order: every room of a venue and channel, those that are there and those to come.
type order struct {
	sub     *Subscriber
	key     orderKey
	variant string
	grant   Grant
	limit   int
	allowed func(market.Room) bool
}

type orderKey struct {
	channel market.Channel
	venue   string
}

// JoinAll joins every room that the pattern (with "*" for its symbol) matches and allowed permits, by
// name, in order, until the subscriber has limit rooms; and from then on those that appear. It returns
// what was joined and how many were left out; false if the pattern's venue or variant is not served.
// A room that was joined by name is left as it is; one that this pattern joined before gets the new
// settings in place.
func (s *Subscriber) JoinAll(pattern market.Room, g Grant, limit int, allowed func(market.Room) bool) ([]wire.Granted, int, bool) {
	if !s.desk.hub.offered(pattern) {
		return nil, 0, false
	}
	o := s.standing(pattern)
	if o == nil {
		o = &order{sub: s, key: orderKey{pattern.Channel, pattern.Venue}, variant: pattern.Variant}
		s.wild = append(s.wild, o)
		s.desk.hub.await(o)
		s.desk.orders[o.key] = append(s.desk.orders[o.key], o)
	}
	o.grant, o.limit, o.allowed = g, limit, allowed
	var joined []wire.Granted
	left := 0
	for _, name := range s.desk.hub.names(o.key) {
		g, ok, full := o.join(name)
		if ok {
			joined = append(joined, g)
		} else if full {
			left++
		}
	}
	return joined, left, true
}

func (s *Subscriber) standing(pattern market.Room) *order {
	for _, o := range s.wild {
		if o.key == (orderKey{pattern.Channel, pattern.Venue}) && o.variant == pattern.Variant {
			return o
		}
	}
	return nil
}

// join joins the room of a symbol; full reports that only the limit stood against it.
func (o *order) join(symbol string) (g wire.Granted, ok, full bool) {
	name := market.Room{Channel: o.key.channel, Venue: o.key.venue, Symbol: symbol, Variant: o.variant}
	if o.allowed != nil && !o.allowed(name) {
		return g, false, false
	}
	r := o.sub.desk.hub.room(name)
	if r == nil {
		return g, false, false
	}
	old := o.sub.seat(r.Text)
	switch {
	case old != nil && old.by != o:
		return g, false, false
	case old == nil && o.sub.Rooms() >= o.limit:
		return g, false, true
	}
	st, g := o.sub.join(r, o.grant, nil)
	st.by = o
	return g, true, false
}

// LeaveAll ends a standing order and leaves the rooms that it joined; false if there was none.
func (s *Subscriber) LeaveAll(pattern market.Room) bool {
	o := s.standing(pattern)
	if o == nil {
		return false
	}
	s.wild = slices.DeleteFunc(s.wild, func(p *order) bool { return p == o })
	s.desk.dropOrder(o)
	for _, st := range slices.Backward(s.order) { // the last takes the place of one that leaves
		if st.by == o {
			s.leave(st)
		}
	}
	return true
}

func (d *Desk) dropOrder(o *order) {
	d.orders[o.key] = slices.DeleteFunc(d.orders[o.key], func(p *order) bool { return p == o })
	if len(d.orders[o.key]) == 0 {
		delete(d.orders, o.key)
	}
}

// introduce joins a new room for those who have a standing order for it, and tells them: of all that came since it was new. Who
// found it there when he ordered knows.
func (d *Desk) introduce(r *Room) {
	for _, o := range d.orders[orderKey{r.Name.Channel, r.Name.Venue}] {
		d.introduceTo(o, r.Name.Symbol, (*Room).start)
	}
}

// introduceTo joins a symbol's room for a standing order, at the position that place returns, and tells of it; not one that is followed.
func (d *Desk) introduceTo(o *order, symbol string, place func(*Room) Position) {
	name := market.Room{Channel: o.key.channel, Venue: o.key.venue, Symbol: symbol, Variant: o.variant}
	if o.sub.Follows(name) {
		return
	}
	g, ok, _ := o.join(symbol)
	if !ok {
		return
	}
	st := o.sub.seat(g.Room)
	st.pos = place(st.room())
	o.sub.Say(func(dst []byte, enc wire.Encoding) []byte {
		return enc.AppendOK(dst, &wire.OK{Op: "subscribe", Rooms: []wire.Granted{g}})
	})
}

// names returns the symbols whose base room of a venue and channel has come to life, in order.
func (h *Hub) names(key orderKey) []string {
	var names []string
	for _, l := range h.all() {
		if l.key.venue != key.venue {
			continue
		}
		l.mu.Lock()
		if r := l.rooms[key.channel]; r != nil && r.home != nil {
			names = append(names, l.key.symbol)
		}
		l.mu.Unlock()
	}
	slices.SortFunc(names, cmp.Compare)
	return names
}
