package feedtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/capture"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// Sight is when a venue's rule sees that messages of a book are missing, or came in another order.
type Sight uint8

// The sights.
const (
	EachMessage Sight = iota // the next message of the book shows it, or is not affected
	AtChecks                 // the next one that has a checksum does
	Blind                    // nothing does, before the next snapshot
)

// Recording is a session that Faults plays, of which a book's every message is there and whole.
type Recording struct {
	Format  *feed.Format
	Options feed.Options
	Records []feed.Record
	Sight   Sight
	Levels  int // how many of a side the rule sees; 0: all
	// Snapshot writes a book as the venue would if it were asked for it once more: in one message,
	// or more where the decoder must be told first what the book is of. book.Last is the venue's number.
	// Nil: snapshots come in the recording, and mend what they are of.
	Snapshot func(sym *market.Symbol, book *market.Book) []feed.Record
}

// Records reads a recorded session whole. The symbol that a REST order book was asked for is its key.
func Records(t testing.TB, rel ...string) (all []feed.Record) {
	t.Helper()
	session := Session(t, rel...)
	for {
		m, err := session.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, feed.Record{Time: m.Time, Key: []byte(capture.Symbol(m.URL)), Value: bytes.Clone(m.Data)})
	}
}

// Faults plays a recording again and again with messages dropped, doubled and swapped at random
// places, beside a run without faults. A book that is Good must be the one without faults; a fault
// must be reported where the venue's rule can see it, and none where there is none; and the next
// snapshot must mend the book. The places are the same each time; TAPEDECK_SEED
// chooses others. In the end the same is played without the venue's rule, which must not pass: so it is the rule that
// saw the faults.
func Faults(t *testing.T, rec *Recording, rounds int) {
	seed := uint64(1)
	if s := os.Getenv("TAPEDECK_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("TAPEDECK_SEED: %v", err)
		}
	}
	var all tally
	for round := range rounds {
		d := newDisturbed(rec, rand.New(rand.NewPCG(seed, uint64(round))))
		if err := d.run(); err != nil {
			t.Fatalf("round %d: %v; TAPEDECK_SEED=%d plays it again", round, err, seed)
		}
		all.add(&d.tally)
	}
	t.Logf("seed %d: %+v", seed, all)
	if all.Mended == 0 || rec.Sight != Blind && all.Reported == 0 {
		t.Errorf("no fault has hit a book: %+v", all)
	}
	if rec.Sight != Blind && passes(blinded(rec), rounds, seed) {
		t.Error("without the venue's rule nothing is found: these faults prove nothing")
	}
}

func passes(rec *Recording, rounds int, seed uint64) bool {
	for round := range rounds {
		if newDisturbed(rec, rand.New(rand.NewPCG(seed, uint64(round)))).run() != nil {
			return false
		}
	}
	return true
}

// blinded returns the recording with a decoder that leaves out what tells the faults: the numbers, the checksums and the
// gaps.
func blinded(rec *Recording) *Recording {
	f := *rec.Format
	f.New = func(o feed.Options) feed.Decoder { return &blind{Decoder: rec.Format.New(o)} }
	out := *rec
	out.Format = &f
	return &out
}

type blind struct{ feed.Decoder }

// anything is a checksum that every book has.
var anything = market.Check{Name: "anything", Levels: 1, Sum: func(_, _ []market.Level) uint32 { return 0 }}

func (d *blind) Decode(b *market.Batch, r *feed.Record) error {
	before := len(b.Events)
	err := d.Decoder.Decode(b, r)
	for i := before; i < len(b.Events); i++ {
		switch k := b.Events[i].Payload.(type) {
		case *market.Book:
			if k.Chain = nil; k.Check != nil {
				k.Check, k.Sum = &anything, 0
			}
		case *market.Gap:
			b.Events[i].Payload = new(market.Trade)
		}
	}
	return err
}

// tally counts what was done and seen.
type tally struct{ Dropped, Doubled, Swapped, Reported, Mended int }

func (a *tally) add(b *tally) {
	a.Dropped += b.Dropped
	a.Doubled += b.Doubled
	a.Swapped += b.Swapped
	a.Reported += b.Reported
	a.Mended += b.Mended
}

// disturbed is one round: a run without faults, and one with, a step ahead of which it never is.
type disturbed struct {
	*recordingRun
	clean *recordingRun
	rec   *Recording
	rng   *rand.Rand
	at    int
	late  bool // the message comes after the one that follows it
	right bool // it comes once, in its place
	tally tally
}

// recordingRun is a decoder and the books of what it told.
type recordingRun struct {
	decoder  feed.Decoder
	numbered bool // its messages are numbered together
	batch    market.Batch
	books    map[string]*runBook // by native name
}

// runBook is one book.
type runBook struct {
	*snapshot.Book
	symbol *market.Symbol
	last   int64  // the venue's number of its newest message
	hurt   bool   // a fault has touched it, and no snapshot has come since
	due    int    // when a snapshot comes that mends it
	must   string // what its next message must report
	seen   bool   // it has read a change
	whole  bool   // a snapshot has made it good
	late   bool   // its snapshots may be late: without a change they prove nothing
}

// touch is what one event did to a book.
type touch struct {
	native   string
	snapshot bool
	current  bool // a snapshot that is no older than the book
	check    bool
	moved    bool // a change took a good book to the next number
	broken   bool // a book that a snapshot had made good
	effect   snapshot.Effect
}

func newRun(rec *Recording) *recordingRun {
	return &recordingRun{
		decoder: rec.Format.New(rec.Options), numbered: rec.Format.Scope == feed.ScopeConnection, books: map[string]*runBook{},
	}
}

func newDisturbed(rec *Recording, rng *rand.Rand) *disturbed {
	return &disturbed{recordingRun: newRun(rec), clean: newRun(rec), rec: rec, rng: rng}
}

// newBook returns a book that keeps every level: at the depth where it was cut, two books that have read
// different messages may rightly differ.
func newBook() *snapshot.Book {
	l := snapshot.DefaultLimits
	l.Depth = 1 << 20
	return snapshot.NewBook(l, snapshot.Origin{}).(*snapshot.Book)
}

// play takes one record.
func (p *recordingRun) play(r *feed.Record) (touched []touch, err error) {
	p.batch.Reset()
	err = p.decoder.Decode(&p.batch, clone(r))
	for i := range p.batch.Events {
		ev := &p.batch.Events[i]
		b := p.books[ev.Symbol.Native]
		k, isBook := ev.Payload.(*market.Book)
		if b == nil {
			if !isBook {
				continue
			}
			b = &runBook{Book: newBook(), symbol: ev.Symbol}
			p.books[ev.Symbol.Native] = b
		}
		good := b.Good()
		effect := b.Apply(ev, snapshot.Cause{})
		if _, gap := ev.Payload.(*market.Gap); gap {
			if b.Lose(); good && !b.Good() {
				touched = append(touched, touch{native: ev.Symbol.Native, effect: snapshot.Broken, broken: b.whole})
			}
		}
		if !isBook {
			continue
		}
		touched = append(touched, touch{
			native: ev.Symbol.Native, snapshot: k.Snapshot, check: k.Check != nil, effect: effect,
			current: k.Snapshot && k.Last >= b.last, broken: b.whole && effect == snapshot.Broken,
			moved: !k.Snapshot && good && b.Good() && (k.Last > b.last || k.Chain == nil && p.numbered),
		})
		b.whole = b.whole || k.Snapshot && b.Good()
		b.seen = b.seen || !k.Snapshot
		b.late = k.Chain != nil && k.Chain.Late
		if k.Last > b.last || k.Snapshot && !b.Good() { // an older one leaves a good book where it was
			b.last = k.Last
		}
	}
	return touched, err
}

// run plays the whole recording.
func (d *disturbed) run() error {
	next := d.rng.IntN(60)
	for d.at = 0; d.at < len(d.rec.Records); d.at++ {
		var err error
		if d.at < next {
			err = d.plain()
		} else {
			next = d.at + 2 + d.rng.IntN(60)
			err = d.fault()
		}
		if err == nil {
			err = d.mend()
		}
		if err != nil {
			return fmt.Errorf("at message %d: %w", d.at+1, err)
		}
	}
	return nil
}

// cleanly plays a message in the run without faults.
func (d *disturbed) cleanly(i int) ([]touch, error) {
	touched, _ := d.clean.play(&d.rec.Records[i])
	for _, t := range touched {
		if t.broken {
			return nil, fmt.Errorf("%s breaks without a fault: %.300s", t.native, d.rec.Records[i].Value)
		}
	}
	return touched, nil
}

// plain plays a message as it is.
func (d *disturbed) plain() error {
	touched, err := d.cleanly(d.at)
	if err == nil {
		d.right = true
		err = d.deliver(d.at)
		d.right = false
	}
	if err != nil {
		return err
	}
	for _, t := range touched {
		b, clean := d.books[t.native], d.clean.books[t.native]
		if b == nil || !t.snapshot {
			continue
		}
		if d.rec.Snapshot == nil && t.current && clean.Good() && (b.seen || !clean.late) {
			if !b.Good() || !sameBook(b.Book, clean.Book, 0) {
				return fmt.Errorf("%s: the snapshot does not mend it (good: %v): %.300s", t.native, b.Good(), d.rec.Records[d.at].Value)
			}
			if b.hurt {
				d.tally.Mended++
			}
		}
		if b.Good() && b.last == clean.last { // one fetched by REST may be older than the fault
			b.hurt, b.must = false, ""
		}
	}
	return nil
}

// fault plays a message wrongly.
func (d *disturbed) fault() error {
	touched, err := d.cleanly(d.at)
	if err != nil {
		return err
	}
	switch kind := d.rng.IntN(3); {
	case kind == 0:
		d.tally.Dropped++
		d.hurt(touched)
		d.demand(touched, "a message before it was dropped")
		return nil
	case kind == 1 || d.at+1 == len(d.rec.Records):
		d.tally.Doubled++
		d.hurt(touched)
		return errors.Join(d.deliver(d.at), d.deliver(d.at))
	}
	d.tally.Swapped++
	second, err := d.cleanly(d.at + 1)
	if err != nil {
		return err
	}
	both := intersection(touched, second)
	d.hurt(both)
	d.demand(both, "it came before the one that it follows")
	if err := d.deliver(d.at + 1); err != nil {
		return err
	}
	d.at++
	d.late = true
	defer func() { d.late = false }()
	return d.deliver(d.at - 1)
}

// intersection returns what of the first message is of a book that the second is of too; moved says that
// both moved it.
func intersection(first, second []touch) (both []touch) {
	for _, a := range first {
		for _, b := range second {
			if a.native == b.native {
				a.moved = a.moved && b.moved
				both = append(both, a)
			}
		}
	}
	return both
}

// hurt notes which books a fault may have touched: all of a connection, where one number counts it all.
func (d *disturbed) hurt(touched []touch) {
	due := d.at + 3 + d.rng.IntN(60) // once what follows the fault, two messages in another order among it, has been read
	for native, clean := range d.clean.books {
		b := d.books[native]
		if b == nil { // what makes it known was dropped, or comes late
			b = &runBook{Book: newBook(), symbol: clean.symbol}
			d.books[native] = b
			touched = append(touched, touch{native: native})
		}
		if d.numbered || slices.ContainsFunc(touched, func(t touch) bool { return t.native == native }) {
			b.hurt, b.due = true, due
		}
	}
}

// demand notes that the next message of a book must break it, where the rule sees each.
func (d *disturbed) demand(touched []touch, why string) {
	for _, t := range touched {
		if b := d.books[t.native]; t.moved && d.rec.Sight == EachMessage && b.Good() {
			b.must = why
		}
	}
}

// deliver plays a message in the run with faults, and judges the books that it touched.
func (d *disturbed) deliver(i int) error {
	touched, _ := d.play(&d.rec.Records[i])
	for _, t := range touched {
		if t.effect == snapshot.Broken {
			d.tally.Reported++
		}
		if err := d.judge(t); err != nil {
			return fmt.Errorf("%s: %w: %.300s", t.native, err, d.rec.Records[i].Value)
		}
	}
	return nil
}

func (d *disturbed) judge(t touch) error {
	b, clean := d.books[t.native], d.clean.books[t.native]
	must := b.must
	b.must = ""
	switch {
	case must != "" && !t.snapshot && t.effect != snapshot.Broken && b.Good(): // it may have been reported, and mended by the same record
		return fmt.Errorf("nothing was reported, though %s", must)
	case !b.hurt && b.Good() != clean.Good():
		return fmt.Errorf("without a fault it is good: %v, want %v", b.Good(), clean.Good())
	case b.hurt && (d.rec.Sight == Blind || d.rec.Sight == AtChecks && !t.check):
		return nil
	case d.late && d.rec.Sight == AtChecks: // the book may be as it was then, and have the checksum of then
		return nil
	case b.Good() && clean.Good() && (b.last == clean.last || d.right && !t.snapshot) && !sameBook(b.Book, clean.Book, d.rec.Levels):
		return errors.New("the book is good, and wrong") // one that only is a message behind is not, unless it took the one after it
	}
	return nil
}

func levelsOf(b *snapshot.Book) *market.Book {
	body, _ := b.Full(0)
	return body.(*market.Book)
}

// sameBook compares the best n levels of each side; all where n is 0.
func sameBook(a, b *snapshot.Book, n int) bool {
	x, y := levelsOf(a), levelsOf(b)
	same := func(l, m market.Level) bool { return l.Price.Equal(m.Price) && l.Qty.Equal(m.Qty) }
	best := func(side []market.Level) []market.Level {
		if n > 0 && len(side) > n {
			return side[:n]
		}
		return side
	}
	return slices.EqualFunc(best(x.Bids), best(y.Bids), same) && slices.EqualFunc(best(x.Asks), best(y.Asks), same)
}

// mend sends the snapshots that are due.
func (d *disturbed) mend() error {
	if d.rec.Snapshot == nil {
		return nil
	}
	for native, b := range d.books {
		clean := d.clean.books[native]
		if !b.hurt || b.due > d.at || clean == nil || !clean.Good() || clean.late && !b.seen {
			continue
		}
		k := *levelsOf(clean.Book)
		k.Last = clean.last
		for _, r := range d.rec.Snapshot(b.symbol, &k) {
			if _, err := d.play(&r); err != nil && isBad(err) {
				return fmt.Errorf("%s: the snapshot is refused: %w: %.300s", native, err, r.Value)
			}
		}
		if !b.Good() || !sameBook(b.Book, clean.Book, 0) {
			return fmt.Errorf("%s: a snapshot does not mend it (good: %v)", native, b.Good())
		}
		b.hurt, b.must = false, ""
		d.tally.Mended++
	}
	return nil
}
