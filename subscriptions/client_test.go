package subscriptions_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tinylib/msgp/msgp"

	"tapedeck/market"
	"tapedeck/subscriptions"
	"tapedeck/wire"
	"tapedeck/wire/mirror"
)

// client is one connection.
type client struct {
	w     *world
	node  *node
	sub   *subscriptions.Subscriber
	desk  *subscriptions.Desk
	m     *mirror.Mirror
	enc   wire.Encoding
	eager bool                  // its socket always takes everything
	left  map[string]bool       // rooms left: nothing more may come of them
	named map[string]bool       // rooms joined by name
	wild  []market.Room         // standing orders
	blind map[string]wire.Since // where the node of the newest snapshot did not cover the candles of a room
	told  []string              // every message, to be read after a failure
}

// fatal fails with all that the client was told of a room.
func (c *client) fatal(room, format string, args ...any) {
	for _, m := range c.told {
		if strings.Contains(m, `"`+room+`"`) {
			c.w.t.Log(m)
		}
	}
	c.w.t.Fatalf("seed %d: %s: %s", c.w.seed, room, fmt.Sprintf(format, args...))
}

func (w *world) client(n *node, m *mirror.Mirror) *client {
	c := &client{w: w, node: n, desk: n.desks[w.r.IntN(len(n.desks))], m: m, left: map[string]bool{}, named: map[string]bool{}}
	c.blind = map[string]wire.Since{}
	c.enc = wire.Encodings[w.r.IntN(len(wire.Encodings))]
	c.sub = c.desk.NewSubscriber(c.enc)
	c.sub.Owner = c
	m.Message = c.check
	return c
}

var paces = []time.Duration{0, 0, 50 * time.Millisecond, 100 * time.Millisecond, time.Second}

func (c *client) grant() subscriptions.Grant {
	pace := paces[c.w.r.IntN(len(paces))]
	if c.eager {
		pace = 0
	}
	return subscriptions.Grant{Interval: pace, IntervalName: pace.String(), Last: []int{0, 0, 0, 1, 3, 50}[c.w.r.IntN(6)]}
}

// join subscribes to a room, anew or (since) to go on from there.
func (c *client) join(name market.Room, since *wire.Since) (recovered bool) {
	known := c.sub.Follows(name)
	g, ok := c.sub.Join(name, c.grant(), since)
	if !ok {
		c.w.t.Fatalf("%s is not served", name)
	}
	c.told = append(c.told, fmt.Sprintf(`"%s" joined since %+v: %+v`, g.Room, since, g))
	c.named[g.Room] = true
	delete(c.left, g.Room)
	r := c.m.Room(g.Room)
	r.State = g.State.String()
	if !known && since == nil || since != nil && !g.Recovered && g.Loss == "fold" {
		r.Has = false
	}
	if g.Recovered && g.Epoch != "" && g.Epoch != since.Epoch {
		c.fatal(g.Room, "recovered from epoch %s in %s", since.Epoch, g.Epoch)
	}
	return g.Recovered
}

// again subscribes to a room that is followed: what is known stays.
func (c *client) again(name market.Room) {
	r := c.m.Rooms[name.String()]
	if r == nil || !r.Has || r.Wants || r.Epoch == "" || c.w.r.IntN(2) == 0 {
		c.join(name, nil)
		return
	}
	c.join(name, &wire.Since{Epoch: r.Epoch, Seq: r.Seq})
}

func (c *client) leave(name market.Room) {
	if c.sub.Leave(name.String()) {
		c.gone(name.String())
	}
}

func (c *client) gone(room string) {
	c.left[room] = true
	delete(c.named, room)
	delete(c.m.Rooms, room)
}

// order makes or ends a standing order.
func (c *client) order(pattern market.Room) {
	if c.w.r.IntN(3) == 0 {
		c.cancel(pattern)
		return
	}
	granted, _, ok := c.sub.JoinAll(pattern, c.grant(), len(rooms), nil)
	if !ok {
		c.w.t.Fatalf("%s is not served", pattern)
	}
	for _, g := range granted {
		if c.named[g.Room] {
			c.w.t.Fatalf("%s touched %s, which was joined by name", pattern, g.Room)
		}
		delete(c.left, g.Room)
		c.m.Room(g.Room).State = g.State.String()
	}
	if !slices.Contains(c.wild, pattern) {
		c.wild = append(c.wild, pattern)
	}
}

func (c *client) cancel(pattern market.Room) {
	i := slices.Index(c.wild, pattern)
	if c.sub.LeaveAll(pattern) != (i >= 0) {
		c.w.t.Fatalf("%s: was ordered: %v", pattern, i >= 0)
	}
	if i < 0 {
		return
	}
	c.wild = slices.Delete(c.wild, i, i+1)
	for _, name := range rooms {
		follows := c.sub.Follows(name)
		if c.named[name.String()] && !follows {
			c.w.t.Fatalf("%s ended %s, which was joined by name", pattern, name)
		}
		if !follows && c.m.Rooms[name.String()] != nil {
			c.gone(name.String())
		}
	}
}

// take folds what is due; now and then that is more than the socket takes.
func (c *client) take() {
	frame := c.sub.Take(nil)
	if len(frame) == 0 {
		return
	}
	if c.enc == wire.MessagePack {
		frame = unpack(c.w, frame)
	}
	if err := c.m.Frame(frame); err != nil {
		c.fatal(roomOf(err.Error()), "%v", err)
	}
	c.sub.Blocked = !c.eager && c.w.r.IntN(6) == 0
}

// roomOf finds the room in a message's text.
func roomOf(text string) string {
	_, rest, _ := strings.Cut(text, `"room":"`)
	room, _, _ := strings.Cut(rest, `"`)
	return room
}

// unpack turns a frame of MessagePack into one of JSON, with a reader that is not ours.
func unpack(w *world, frame []byte) []byte {
	v, rest, err := msgp.ReadIntfBytes(frame)
	if err != nil || len(rest) > 0 {
		w.t.Fatalf("%v, %d bytes left of % x", err, len(rest), frame)
	}
	text, err := json.Marshal(v)
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

// check holds a message against what is in the log.
func (c *client) check(msg *mirror.Message, r *mirror.Room) {
	c.told = append(c.told, string(msg.Raw))
	for _, g := range msg.Rooms {
		if name, _, _ := market.ParseRoom(g.Room); c.sub.Follows(name) { // else it was left before this came
			delete(c.left, g.Room)
		}
	}
	if r == nil {
		return
	}
	if c.left[msg.Room] {
		c.fatal(msg.Room, "a message of a room that was left: %s", msg.Raw)
	}
	switch msg.T {
	case "snapshot":
		delete(c.blind, msg.Room)
		if msg.Partial || c.node.missed() {
			c.blind[msg.Room] = wire.Since{Epoch: msg.Epoch, Seq: msg.Seq}
		}
	case "update":
		if b, ok := c.blind[msg.Room]; ok && b.Seq == 0 { // the snapshot was of no record
			c.blind[msg.Room] = wire.Since{Epoch: r.Epoch, Seq: msg.Seq}
		}
		c.checkUpdate(msg, r)
	case "gap":
		c.checkGap(msg, r)
	}
}

func (c *client) checkUpdate(msg *mirror.Message, r *mirror.Room) {
	prev := msg.Prev
	if prev == 0 { // a partial snapshot of no records: what this node has not read was before it
		prev = c.node.began(r.Epoch)
	}
	if lost := c.node.lostIn(r.Epoch, prev, msg.Seq); lost > 0 {
		c.fatal(msg.Room, "%d lost records between prev and seq, and no gap: %s", lost, msg.Raw)
	}
	switch channel, _, _ := strings.Cut(msg.Room, ":"); channel {
	case "trades":
		want := payloads(c.w, msg.Room, r.Epoch, prev, msg.Seq, tradeID)
		var have []string
		for _, t := range r.Trades[len(r.Trades)-int(*msg.N):] {
			have = append(have, t.ID)
		}
		if !slices.Equal(have, want) {
			c.fatal(msg.Room, "trades %v, want %v: %s", have, want, msg.Raw)
		}
	case "quotes":
		if strings.HasSuffix(msg.Room, "D-Y") {
			return // derived from the book
		}
		if want := payloads(c.w, msg.Room, r.Epoch, prev, msg.Seq, anyQuote); len(want) != int(*msg.N) {
			c.fatal(msg.Room, "n is not %d: %s", len(want), msg.Raw)
		}
		if at := c.w.halted(msg.Room, r.Epoch, c.node.began(r.Epoch), prev, msg.Seq); at > 0 {
			c.fatal(msg.Room, "a fold across the status of %d: %s", at, msg.Raw)
		}
	}
}

func (c *client) checkGap(msg *mirror.Message, r *mirror.Room) {
	if msg.N != nil {
		want := payloads(c.w, msg.Room, r.Epoch, msg.From, msg.To, tradeID)
		if lost := c.node.lostIn(r.Epoch, msg.From, msg.To); lost == 0 && uint64(len(want)) != *msg.N {
			c.fatal(msg.Room, "%d trades lost, said %d: %s", len(want), *msg.N, msg.Raw)
		}
	}
	if msg.Records != nil {
		if lost := c.node.lostIn(r.Epoch, msg.From, msg.To); lost != *msg.Records {
			c.fatal(msg.Room, "%d records lost, said %d: %s", lost, *msg.Records, msg.Raw)
		}
	}
}
