package feed

import "context"

// LogID is what makes a log: all of its epoch but the decoder's version, which is the reader's.
type LogID struct {
	Cluster   string
	Topic     string
	TopicID   string // or a configured number
	Partition int32
	Format    string // the decoder's name
}

// Epoch returns the log's epoch, as a decoder of the format reads it.
func (l LogID) Epoch(f *Format) string { return Epoch(l.Cluster, l.Topic, l.TopicID, l.Partition, f) }

// Holding is what an archive has of one log.
type Holding struct {
	LogID
	First, Next int64 // offset of the oldest record held, and after the newest
	Begin, End  int64 // the log's clock at these two, µs
	Records     int64
}

// Hole is a stretch of offsets of which an archive knows that it does not have them: From up to, not including, To.
type Hole struct {
	From, To int64
	Why      Loss
}

// Archive holds logs of the past. It may be used from several goroutines. Its errors say what to do; what may pass is
// tried again by the caller.
type Archive interface {
	// Logs lists what is held, in the order of (topic, partition, Begin).
	Logs(ctx context.Context) ([]Holding, error)
	// Seek returns the offset of the first record at which the log's clock has reached at (µs), and the clock before that
	// record; a holding's Next and End if there is none.
	Seek(ctx context.Context, log LogID, at int64) (offset, clock int64, err error)
	// Read gives take the records of a window in the order of offsets, each once, and returns the offset to go on from:
	// above From unless nothing is held from there on. A record's memory is the archive's and is reused when take returns.
	// It ends early when the window's Bytes are reached, and with take's error when it has one.
	Read(ctx context.Context, log LogID, w Window, take func(*Record) error) (next int64, err error)
	// Holes lists the known holes that touch the offsets from from up to to, in order.
	Holes(ctx context.Context, log LogID, from, to int64) ([]Hole, error)
	// Checkpoint returns the newest checkpoint of a log at or before an offset;
	// false if there is none.
	Checkpoint(ctx context.Context, log LogID, offset int64) (Checkpoint, bool, error)
}

// Trouble is what is wrong with an archive, in words for anybody: without addresses, names and what a server says. An error that
// wraps one says the rest, to who runs it.
type Trouble string

func (t Trouble) Error() string { return string(t) }

// Window is what Archive.Read reads at once.
type Window struct {
	From    int64    // first offset
	To      int64    // not this one nor what comes after it; 0: whatever is held
	Bytes   int      // about so much of keys, values and headers, and at least one record; 0: 8 MiB
	Symbols []string // VENUE:NAME of those that are wanted, with marks for the rest; nil: every record
}

// Checkpoint is what a timeline had made of a log up to an offset: whoever loads it goes on as if it had read all that
// came before.
type Checkpoint struct {
	Epoch  string
	Offset int64 // of the first record that is not in it
	Clock  int64 // the log's clock there, µs
	Data   []byte
}

// Checkpoints keeps checkpoints of logs. It may be used from several goroutines, and by several nodes: whose checkpoint of a
// log it is that one finds does not matter, as long as it fits.
type Checkpoints interface {
	// Checkpoint returns the newest checkpoint of a log at or before an offset; false if there is none.
	Checkpoint(ctx context.Context, log LogID, offset int64) (Checkpoint, bool, error)
	// Keep adds one. What is older may be let go of.
	Keep(ctx context.Context, log LogID, c Checkpoint) error
}
