// Package wire is what servers and clients say to each other: messages, commands, their encodings
// and the reasons to close. It is passive. docs/protocol.md is the text that goes with it.
package wire

import "tapedeck/market"

// GapReason is why something was lost.
type GapReason string

// The reasons of a gap.
const (
	GapSource    GapReason = "source"    // the venue, or what is before us, lost or broke something
	GapRetention GapReason = "retention" // the log removed records before they were read
	GapSlow      GapReason = "slow"      // the reader fell off the room's log
	GapArchive   GapReason = "archive"   // missing between the archive and the log
	GapEpoch     GapReason = "epoch"     // the room continues in another log
)

// Unknown marks a count that is not known and is left out.
const Unknown = -1

// Hello is the first message of a connection.
type Hello struct {
	Node, Conn      string
	Time            int64 // µs
	Heartbeat       int64 // ms
	Rooms           int   // limits
	Commands        int   // per second
	FrameBytes      int
	Intervals       []string
	Depths          []string
	Widths          []string
	SnapshotTrades  int
	SnapshotCandles int
	Timeline        string // "live" or "replay"
}

// OK says that a command was carried out. Rooms may be nil.
type OK struct {
	ID      ID
	Op      string
	Rooms   []Granted
	HasLeft bool // for a wildcard's first answer: Left is how many rooms the limit left out
	Left    int
	Time    int64 // µs; ping only, else 0
}

// Granted is what a subscription got, room by room. Zero fields are left out, but for room, state,
// interval, origin, loss and epoch of a subscription.
type Granted struct {
	Room                    string
	State                   market.RoomState
	Interval                string // "" in an answer to unsubscribe: then only the room is told
	LimitedBy               string
	Origin                  string
	Loss                    string
	Epoch                   string // "" before the room's first record
	HasRecovered, Recovered bool

	// Counters, for list only.
	Counters *Counters
}

// Counters of one subscription.
type Counters struct{ Updates, Events, Folded, Snapshots, Gaps uint64 }

// Error says that a command, or one room of it, was refused.
type Error struct {
	ID      ID
	Code    Code
	Message string
	Room    string
	Retry   bool
	After   int64 // ms, 0: not told
}

// Snapshot replaces everything known of a room.
type Snapshot struct {
	Room, Epoch     string
	Seq             uint64
	Time, VenueTime int64          // log time and venue time, µs; 0: absent
	Partial         bool           // less than there is, or fewer than asked, since this node has not read further back
	Body            market.Body    // nil: an empty room
	Empty           market.Channel // the channel, for the form of an empty body
}

// Update is what changed after Prev up to Seq.
type Update struct {
	Room            string
	Prev, Seq       uint64
	N               uint64 // events in it
	Time, VenueTime int64
	Body            market.Body
}

// Gap says that what lay after From up to To is lost.
type Gap struct {
	Room, Epoch string
	From, To    uint64
	N, Records  int64 // Unknown: left out
	Reason      GapReason
}

// Status of a room, or of a timeline where Room is "".
type Status struct {
	Room   string
	State  string
	Reason string
	Time   int64

	// Of a replay:
	Behind  int64  // ms from its present to ours, 0: not told
	Hash    string // at its end: of all entries of the connection's rooms; with it Entries, their number
	Entries uint64
}

// Heartbeat lists the connection's rooms that are not plainly live.
type Heartbeat struct {
	Time  int64 // µs
	Lag   int64 // ms
	Rooms []RoomHealth
}

// RoomHealth is one room of a heartbeat. Age is ms since its newest record, Unknown before the first.
type RoomHealth struct {
	Room  string
	State market.RoomState
	Age   int64
}

// Bye is said before the close frame.
type Bye struct {
	Reason    string
	Reconnect bool
	After     int64 // ms to wait before connecting again
}

// ID is a command's id as the client sent it: a number or a string, in JSON text; nil where it sent none.
type ID []byte
