package subscriptions

import (
	"math"
	"slices"

	"tapedeck/market"
	"tapedeck/wire"
)

// Info is what is known of a room, for people and for GET /v1/rooms.
type Info struct {
	Room      string           `json:"room"`
	State     string           `json:"state"`
	Reason    string           `json:"reason,omitempty"`
	Covered   bool             `json:"covered"` // this node has read all that the room's state depends on
	Origin    string           `json:"origin"`
	Epoch     string           `json:"epoch,omitempty"`
	Seq       uint64           `json:"seq"`
	Time      int64            `json:"ts,omitempty"`
	Topic     string           `json:"topic,omitempty"`
	Partition int32            `json:"partition"`
	Channel   market.Channel   `json:"-"`
	Visible   market.RoomState `json:"-"`
}

func (r *Room) info() Info {
	state, reason := r.visible()
	i := Info{
		Room: r.Text, State: state.String(), Reason: reason, Origin: "venue", Epoch: r.epoch, Seq: r.seq, Time: r.ts,
		Channel: r.Name.Channel, Visible: state, Covered: r.state.Good(),
	}
	if r.derived || r.base != nil {
		i.Origin = "derived"
	}
	if i.Covered && r.Name.Channel != market.BookChannel { // a good book is whole
		_, part := r.state.Full(0)
		i.Covered = !part
	}
	if r.home != nil {
		i.Topic, i.Partition = r.home.topic, r.home.partition
	}
	return i
}

// Rooms calls f with every room that has had a record, in no order.
func (h *Hub) Rooms(f func(Info)) {
	var infos []Info
	for _, l := range h.all() {
		infos = infos[:0]
		l.mu.Lock()
		for _, r := range l.rooms {
			if r != nil && r.home != nil {
				infos = append(infos, r.info())
			}
		}
		for _, v := range l.views {
			if v.home != nil {
				infos = append(infos, v.info())
			}
		}
		l.mu.Unlock()
		for _, i := range infos {
			f(i)
		}
	}
}

// Snapshot appends a room's snapshot message. Where the room is not good it appends nothing and says how
// it is; served is false if this node does not have the room. last asks for that many entries.
func (h *Hub) Snapshot(dst []byte, enc wire.Encoding, name market.Room, last int) (text []byte, info Info, served bool) {
	if !h.served(name) {
		return dst, Info{}, false
	}
	if !h.knows(symbolKey{name.Venue, name.Symbol}) { // a room that is only looked at is not made
		return enc.AppendSnapshot(dst, &wire.Snapshot{Room: name.String(), Partial: h.partial(), Empty: name.Channel}), Info{Room: name.String()}, true
	}
	r := h.room(name)
	r.list.mu.Lock()
	defer r.list.mu.Unlock()
	info = r.info()
	if !r.good() {
		return dst, info, true
	}
	pos := r.begin()
	dst, _ = r.readShared(dst, enc, nil, &pos, last)
	return dst, info, true
}

// Candles returns all the candles that a candles room holds, oldest first, and how the room is: the candles are as of its Seq.
// part says that there are earlier ones, or ones between them, that this node does not know whole. served is false if this node does not have the
// room. A room that is down still tells what it was; one that is split does not.
func (h *Hub) Candles(name market.Room) (list []market.Candle, part bool, info Info, served bool) {
	if name.Channel != market.CandlesChannel || !h.served(name) {
		return nil, false, Info{}, false
	}
	if !h.knows(symbolKey{name.Venue, name.Symbol}) { // a room that is only looked at is not made
		return nil, h.partial(), Info{Room: name.String()}, true
	}
	r := h.room(name)
	r.list.mu.Lock()
	defer r.list.mu.Unlock()
	info = r.info()
	if r.split {
		return nil, true, info, true
	}
	body, part := r.state.Full(math.MaxInt)
	return slices.Clone(body.(*market.Candles).List), part, info, true
}

// knows reports whether a symbol had an event, or is followed.
func (h *Hub) knows(key symbolKey) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.listings[key] != nil
}

// GapCounts returns how many gaps rooms had, by reason.
func (h *Hub) GapCounts(f func(why wire.GapReason, n uint64)) {
	for i, why := range gapReasons {
		f(why, h.counts.gaps[i].Load())
	}
}

// Encoded is how many messages were encoded: what readers share counts once.
func (h *Hub) Encoded() uint64 { return h.counts.encoded.Load() }
