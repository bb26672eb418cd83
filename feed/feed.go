// Package feed says how records come in and become events: Source, Record, Decoder and the Format
// that describes a decoder. Implementations of Source sit in folders named for their technology,
// decoders in feed/venue.
package feed

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"tapedeck/market"
)

// Record is one entry of a log as Kafka or an archive holds it. Its memory belongs to whoever
// hands it out and is reused: whoever keeps a part copies it.
type Record struct {
	Offset  int64
	Time    int64 // log time, µs
	Key     []byte
	Value   []byte // nil: a tombstone
	Headers []Header

	// Of a record that comes from an archive:
	Clock int64 // the log's clock at the record (market.Clock), where it is known; else 0
	Mark  bool  // stands for a record that was not asked for, at which a minute was over: it moves the clock and brings nothing
}

// Header is one header of a record.
type Header struct {
	Key   string
	Value []byte
}

// Partition names one log.
type Partition struct {
	Topic string
	ID    int32
}

// Start says where the reading of a log begins.
type Start struct {
	Epoch string // see Epoch
	Log   LogID  // which log it is; its Epoch is the one above
	From  int64  // first offset that will be read, or be told as lost
	First int64  // first offset that the log still holds
	End   int64  // offset after the newest record, as seen at this moment
	Clock int64  // the log's clock before From, where it is known; else 0

	Checkpoint []byte // what was made of the log before From (Checkpoint.Data); nil: nothing is known of it
}

// Source brings records. Run returns when ctx ends or the source's data does, after its last call
// of sink and after all of its goroutines have ended. It never gives up on a fault that may pass.
type Source interface {
	Run(ctx context.Context, sink Sink) error
}

// Sink takes what a source brings. Its methods may be called from several goroutines, but for one
// partition one after the other.
type Sink interface {
	// Assign names all partitions that the source has found, before the first Open; and all of them
	// again whenever new ones turn up. What is ready depends on it.
	Assign(parts []Partition)
	// Waiting says why nothing can be assigned yet, for people and for /readyz.
	Waiting(reason string)
	// Open begins a partition's log.
	Open(p Partition, at Start) Log
}

// Resumer is a Sink that can go on from a checkpoint. A source asks it before it opens a log.
type Resumer interface {
	// Resume returns where to begin a log, which would begin at at: there, or at a checkpoint of it that is not behind the
	// offset upto and knows no less. It may be called from several goroutines.
	Resume(ctx context.Context, at Start, upto int64) (Start, error)
}

// Log takes one partition's records, in the order of their offsets. The calls of one Log are never concurrent.
type Log interface {
	// Record takes the next record, which is applied when it returns. It keeps nothing of r.
	Record(r *Record)
	// Lost says that the records from offset from up to, not including, to will never come.
	Lost(from, to int64, why Loss)
	// Restart says that the log was made anew (deleted and created again, or truncated): another
	// epoch begins, or the same one again at an earlier offset that must not be applied twice.
	Restart(at Start)
	// End tells the newest known end of the log: lag is what lies between.
	End(offset int64)
	// Down says that the log cannot be read at the moment; Up that it is read again.
	Down(reason string)
	Up()
}

// Ender is a Log that wants to know when all of it was told that there ever will be: of a capture, or of an archive that nobody
// writes any more.
type Ender interface {
	// Ended comes once, after everything else.
	Ended()
}

// Loss is a reason why records will never come.
type Loss string

// The reasons.
const (
	LossRetention Loss = "retention" // removed from the log before we read them
	LossSource    Loss = "source"    // missing from the log though it holds newer ones
	LossArchive   Loss = "archive"   // missing between an archive and the log
)

// Epoch returns the short name of a log's identity: two nodes, and two builds whose decoders have
// the same version, give the same one, and a topic that was made anew gets another.
func Epoch(cluster, topic, topicID string, partition int32, format *Format) string {
	h := sha256.New()
	for _, s := range []string{cluster, topic, topicID, format.Name} {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	var n [8]byte
	binary.BigEndian.PutUint32(n[:4], uint32(partition))
	binary.BigEndian.PutUint32(n[4:], uint32(format.Version))
	h.Write(n[:])
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:9])
}

// Decoder turns one record of a venue's format into events. One value serves one partition: calls
// come in the order of offsets and never concurrently.
//
// Decode appends the record's events to b, or nothing and a Reason. It never panics, keeps no
// reference to r, hands out interned symbols, and allocates nothing once its symbols are known.
type Decoder interface {
	Decode(b *market.Batch, r *Record) error
}

// Scope is what a decoder remembers across: what a producer must key its records by.
type Scope uint8

// The scopes.
const (
	ScopeRecord     Scope = iota // nothing: any key will do that keeps a symbol in one partition
	ScopeSymbol                  // a symbol: key by symbol
	ScopeConnection              // a whole connection: key by connection, so that a partition holds it whole
)

func (s Scope) String() string { return [...]string{"record", "symbol", "connection"}[s] }

// Origin says whose a channel's events are: the venue's own messages, or derived by us.
type Origin uint8

// The origins.
const (
	FromVenue Origin = iota
	Derived
)

func (o Origin) String() string { return [...]string{"venue", "derived"}[o] }

// Options of a feed, from its flag.
type Options struct {
	// Trades names the venue's stream that trades are taken from where there are several: "trade" (the
	// default: individual trades) or "aggTrade". What comes by the other is Unused.
	Trades string
	// Origins by channel. The decoder reports events of the venue in any case; whoever applies them
	// leaves out those whose channel is derived.
	Origins [market.NumChannels]Origin
	// Only, where not nil, tells whether a symbol is wanted. Asked once per symbol.
	Only func(*market.Symbol) bool
}

// DefaultOptions are what a feed has without options: candles are ours, everything else the venue's.
func DefaultOptions() Options {
	o := Options{Trades: "trade"}
	o.Origins[market.CandlesChannel] = Derived
	return o
}

// Format describes a decoder: one line in the table of feed/venue.
type Format struct {
	Name    string // as in --feed NAME=topic
	Venue   string // of its symbols; "" where the record names it
	Version int    // raised only when an old record's events change: it is part of the epoch
	Scope   Scope
	New     func(o Options) Decoder
	Checks  []*market.Check // the checksums that its books carry, so that a saved book finds them again
}

// Reason is why a record brought no events. It is an error, a metric's label and a header of a dead letter.
type Reason string

func (r Reason) Error() string { return string(r) }

// Bad reports whether the record should have brought events: whether it counts as refused.
func (r Reason) Bad() bool { return r != Ignored && r != Unused }

// The reasons. A decoder may wrap one to say more (fmt.Errorf("%w: …")).
const (
	Ignored      Reason = "ignored"       // carries no market data: an acknowledgement, a heartbeat
	Unused       Reason = "unused"        // another origin was chosen for its channel
	Tombstone    Reason = "tombstone"     // no value at all
	Empty        Reason = "empty"         // a value of no bytes
	TooLarge     Reason = "too_large"     // over the decoder's limit
	BadJSON      Reason = "bad_json"      // cannot be parsed
	MissingField Reason = "missing_field" // a field that its kind must have is not there
	BadValue     Reason = "bad_value"     // a number that is none, is out of range or negative; a wrong type
	BadSymbol    Reason = "bad_symbol"    // no symbol, or one that cannot be
	UnknownKind  Reason = "unknown_kind"  // a message of a kind that the decoder does not know
)

// Reasons lists every reason a record may be refused for, so that a metric can show its zero.
var Reasons = []Reason{Tombstone, Empty, TooLarge, BadJSON, MissingField, BadValue, BadSymbol, UnknownKind}
