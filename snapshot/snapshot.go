// Package snapshot keeps the memory of rooms: for each channel a State, which folds events into
// what a late joiner must be told, and can say what changed since any recent mark.
//
// It is passive: no goroutine, clock or I/O; time is an argument. A State belongs to whoever holds
// its room's lock. Bodies that it returns are its own memory, valid until it is next touched.
package snapshot

import "tapedeck/market"

// Effect is what an event did to a state.
type Effect uint8

// The effects, from nothing to most.
const (
	None     Effect = iota // nothing
	Silent                 // nothing that readers would be told, but views must look: a number is spelled otherwise
	Changed                // something that Since tells
	Replaced               // more than Since can tell: readers need the state
	Broken                 // the state is not to be trusted any more: Good is false
	Mended                 // it is to be trusted again, after Broken or Lose: readers need the state
)

// Cause is what is known of the log at the record behind an event. Times are log times in µs.
type Cause struct {
	Time  int64 // of the record
	Began int64 // the log's clock when reading began, or went on after a loss; 0: not known yet
	Over  int64 // what ended up to here is over: see Over
}

// State is the memory of one room: a function of a bounded stretch of the room's log that ends at
// its newest entry, and of nothing else.
type State interface {
	// Apply folds one event in. Events of a kind that the state does not know have no effect.
	Apply(ev *market.Event, c Cause) Effect
	// Mark numbers what was applied so far. It only grows.
	Mark() uint64
	// Since returns what changed after one mark up to another. States that fold take no notice of
	// to, which is always the newest mark. False: too far back, or too much; Full says it all.
	Since(from, to uint64) (market.Body, bool)
	// Full returns the whole state, or its last entries (0: as many as the limits say); part reports
	// that fewer are known than were asked for since the log was not read further back.
	Full(last int) (body market.Body, part bool)
	// Good reports whether the state may be served.
	Good() bool
	// Lose says that records before the next one are missing.
	Lose()
}

// View is a state made from another one's, its base. It has the base's seq and is refreshed within
// the same entry, so it never runs behind it.
type View interface {
	State
	// Refresh takes over what the base's last effect changed, or what is over now.
	Refresh(base State, eff Effect) Effect
}

// Clocked is a State that log time alone can change: what is over now becomes final.
type Clocked interface {
	Advance(c Cause) Effect
}

// Partial is a State of which a node may know less than one that has read further back, without that
// being wrong: a reader who comes from such a node may know what this one never tells.
type Partial interface {
	// Resume returns the mark from which one whose knowledge is of a log's clock and of the given mark
	// is told all that he lacks; false if he can only be given the state.
	Resume(clock int64, mark uint64) (uint64, bool)
}

// Limits bound what states keep.
type Limits struct {
	Trades  int // trades kept: the log of a trades room (1024)
	Tape    int // trades in a snapshot (50)
	Depth   int // levels told a side, of which keptDepths times as many are kept (1000)
	Changes int // level changes kept: how far a book's reader may fall behind before it gets the state (4096)
	Pending int // deltas kept for a snapshot that is still to come (1024)
	Minutes int // minute candles kept (1500: a day and an hour)
	Candles int // candles in a snapshot (200)
}

// DefaultLimits are the limits without flags.
var DefaultLimits = Limits{Trades: 1024, Tape: 50, Depth: 1000, Changes: 4096, Pending: 1024, Minutes: 1500, Candles: 200}

// Origin says from when on a state's log is known: what is older was not read.
type Origin struct {
	Whole bool  // read from the log's very beginning
	Clock int64 // else no record from before this log time was applied, although it was read: 0 if all were
}

// Loss is a channel's promise to a reader who falls behind.
type Loss uint8

// The promises.
const (
	Never Loss = iota // every event arrives, or a gap says that some did not
	Fold              // only the newest state matters
)

func (l Loss) String() string { return [...]string{"never", "fold"}[l] }

// Channel describes one channel: a line of the table below, and a file of this package.
type Channel struct {
	Loss Loss
	// New makes the state of the channel's base room.
	New func(l Limits, o Origin) State
	// Variant is the base room's own variant: "" but for candles.
	Variant string
	// View makes the state of a variant, from its base's state. Nil where there are none.
	View func(base State, variant string, l Limits) (View, bool)
}

// Channels is the table of channels.
var Channels = [market.NumChannels]Channel{
	market.Trades:         {Loss: Never, New: NewTrades},
	market.Quotes:         {Loss: Fold, New: NewQuotes},
	market.BookChannel:    {Loss: Fold, New: NewBook, View: NewTop},
	market.TickerChannel:  {Loss: Fold, New: NewTicker},
	market.CandlesChannel: {Loss: Fold, New: NewMinutes, Variant: Minute, View: NewWide},
}

// Derivation makes a channel's state from another channel's where the channel's origin is derived.
type Derivation struct {
	From market.Channel
	View func(base State, l Limits) View
}

// Derivations lists what can be derived. Candles are not in it: their state reads trades by itself.
var Derivations = map[market.Channel]Derivation{
	market.Quotes:        {From: market.BookChannel, View: NewBest},
	market.TickerChannel: {From: market.CandlesChannel, View: NewRolling},
}
