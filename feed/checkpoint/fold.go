package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"tapedeck/feed"
	"tapedeck/market"
	"tapedeck/subscriptions"
	"tapedeck/wire"
)

// Kind says how a log is folded into rooms.
type Kind struct {
	Hub     *subscriptions.Hub
	Format  *feed.Format
	Options feed.Options
	Part    string // which symbols the hub and the options leave in, in words; "": all
}

// Venue says how the channels of a feed's venue come to be.
func (k *Kind) Venue() (v subscriptions.Venue) {
	for c, origin := range k.Options.Origins {
		v.Derived[c] = origin == feed.Derived
	}
	return v
}

func (k *Kind) header() Header {
	return Header{
		Format: fmt.Sprintf("%s version %d", k.Format.Name, k.Format.Version),
		Shape:  k.Hub.Shape(k.Venue()) + "; trades by " + k.Options.Trades,
		Part:   k.Part,
	}
}

// How many checkpoints of a log are looked at, and how much farther back than where reading would begin without one of
// them it may lie: so many times the distance, and records that are read in a few seconds.
const (
	tries     = 4
	farther   = 4
	fewEnough = 2_000_000
)

// Find is Checkpoint of a feed.Archive or of feed.Checkpoints.
type Find func(ctx context.Context, log feed.LogID, offset int64) (feed.Checkpoint, bool, error)

// Resume is what a feed.Resumer does: of the checkpoints that are found it takes the newest that fits, and tells why it
// refuses others.
func (k *Kind) Resume(ctx context.Context, find Find, at feed.Start, upto int64, refused func(offset int64, why error)) (feed.Start, error) {
	want, before := k.header(), upto
	for range tries {
		c, ok, err := find(ctx, at.Log, before)
		if err != nil || !ok || upto-c.Offset > farther*(upto-at.From)+fewEnough {
			return at, err
		}
		h, err := Peek(c.Data)
		if err == nil && h.Offset != c.Offset {
			err = ErrDamaged
		}
		if err == nil {
			err = h.Fits(&want, at)
		}
		if err == nil {
			at.From, at.Clock, at.Checkpoint = c.Offset, h.Clock, c.Data
			return at, nil
		}
		refused(c.Offset, err)
		before = c.Offset - 1
	}
	return at, nil
}

// Fold is one log on its way into rooms: its decoder, and the hub's Log that it feeds. There is one for whoever reads a log,
// so that each can go on from what another has saved. Record, Lost, Restart and Down are called one after the other; Save
// may be called meanwhile, by one goroutine at a time.
type Fold struct {
	Log   *subscriptions.Log
	Batch market.Batch // events of the newest record

	kind    *Kind
	mu      sync.Mutex // between the log's writer and whoever saves
	decoder feed.Decoder
	id      feed.LogID
	epoch   string
}

// Open begins to fold a log: from the checkpoint in at, if there is one. Where that cannot be loaded, which should have been
// found before, an error says so, and the log is folded from at.From on with nothing known of before.
func (k *Kind) Open(p feed.Partition, at feed.Start) (f *Fold, err error) {
	f = &Fold{kind: k}
	if at.Checkpoint != nil {
		if err = f.load(p, at); err == nil {
			return f, nil
		}
		err = fmt.Errorf("the checkpoint of %s/%d at offset %d cannot be loaded: %w", p.Topic, p.ID, at.From, err)
	}
	f.begin(at)
	f.Log = k.Hub.Open(logStart(p, at), k.Venue())
	return f, err
}

func logStart(p feed.Partition, at feed.Start) subscriptions.LogStart {
	return subscriptions.LogStart{Topic: p.Topic, Partition: p.ID, Epoch: at.Epoch, From: at.From, End: at.End, Clock: at.Clock}
}

// begin lets a log begin of which nothing is known.
func (f *Fold) begin(at feed.Start) {
	f.decoder = f.kind.Format.New(f.kind.Options)
	f.id, f.epoch = at.Log, at.Epoch
}

func (f *Fold) load(p feed.Partition, at feed.Start) error {
	c, err := parse(at.Checkpoint)
	if err != nil {
		return err
	}
	if c.Offset != at.From {
		return ErrDamaged
	}
	body, err := c.unpack()
	if err != nil {
		return err
	}
	f.begin(at)
	l := market.NewLoader(body)
	l.Check = f.kind.Format.Check
	memory, ok := feed.MemoryOf(f.kind.Format, f.decoder)
	if !ok {
		return errNoMemory
	}
	if memory != nil {
		memory.Load(l)
	}
	if err := l.Err(); err != nil {
		return err
	}
	f.Log, err = f.kind.Hub.Load(l, logStart(p, at), f.kind.Venue())
	return err
}

var errNoMemory = errors.New("its format cannot be saved")

// ID is which log it is. It is called by the log's writer.
func (f *Fold) ID() feed.LogID { return f.id }

// Record folds the next record in, and returns the decoder's error. It is the whole way of a tick up to its rooms.
func (f *Fold) Record(r *feed.Record) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Batch.Reset()
	if r.Mark {
		f.Log.Apply(r.Offset, r.Time, r.Clock, 0, nil)
		return nil
	}
	err := f.decoder.Decode(&f.Batch, r)
	if err == nil {
		f.Log.Apply(r.Offset, r.Time, r.Clock, time.Now().UnixNano(), f.Batch.Events)
		return nil
	}
	f.Batch.Reset()
	if ReasonOf(err).Bad() {
		f.Log.Refused(r.Offset, r.Time, r.Clock, r.Key)
	} else {
		f.Log.Apply(r.Offset, r.Time, r.Clock, 0, nil)
	}
	return err
}

// ReasonOf is the reason of a decoder's error.
func ReasonOf(err error) feed.Reason {
	reason := feed.BadValue
	errors.As(err, &reason)
	return reason
}

var gapOf = map[feed.Loss]wire.GapReason{
	feed.LossRetention: wire.GapRetention, feed.LossSource: wire.GapSource, feed.LossArchive: wire.GapArchive,
}

// Lost says that records will never come.
func (f *Fold) Lost(from, to int64, why feed.Loss) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Log.Lost(from, to, gapOf[why])
}

// Restart says that the log was made anew. The decoder begins anew too: what it remembered was of the old log.
func (f *Fold) Restart(p feed.Partition, at feed.Start) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begin(at)
	f.Log.Restart(logStart(p, at))
}

// Down says that the log cannot be read; "" that it is read again.
func (f *Fold) Down(reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Log.Down(reason)
}

// Saved is a checkpoint on its way, of a moment between two records.
type Saved struct {
	Log    feed.LogID
	header Header
	parts  [][]byte
}

// Save takes what a checkpoint is made of, as of now. The log's writer stands still for the decoder's memory and then for one
// symbol at a time. False: there is nothing to be had now, and it may be tried again; or ever, if the format has no memory.
func (f *Fold) Save() (s Saved, ok bool) {
	f.mu.Lock()
	memory, can := feed.MemoryOf(f.kind.Format, f.decoder)
	if !can {
		f.mu.Unlock()
		return s, false
	}
	s.Log, s.header = f.id, f.kind.header()
	s.header.Epoch = f.epoch
	s.header.From, s.header.Offset, s.header.Clock = f.Log.Extent()
	var head market.Saver
	if memory != nil {
		memory.Save(&head)
	}
	saving := f.Log.Begin()
	f.mu.Unlock()
	for more := true; more; runtime.Gosched() {
		f.mu.Lock()
		more = saving.Step()
		f.mu.Unlock()
	}
	parts, whole := saving.Parts()
	s.parts = append([][]byte{head.Out}, parts...)
	return s, whole
}

// Offset is that of the first record that is not in it.
func (s *Saved) Offset() int64 { return s.header.Offset }

// Seal makes it a checkpoint.
func (s *Saved) Seal() feed.Checkpoint {
	return feed.Checkpoint{Epoch: s.header.Epoch, Offset: s.header.Offset, Clock: s.header.Clock, Data: Seal(s.header, s.parts)}
}
