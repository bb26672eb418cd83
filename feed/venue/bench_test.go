package venue_test

import (
	"fmt"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// BenchmarkDecoders is the claim of speed, as one table: for every format a trade decoded, and a message of a book with
// 20 levels a side decoded and applied. The levels are the best 20 of a book of 100, all of them with a new quantity;
// where a venue tells no changes of several levels, it is a whole book of 20.
//
//	go test ./feed/venue -run '^$' -bench '^BenchmarkDecoders$' -benchmem -cpu 1
func BenchmarkDecoders(b *testing.B) {
	for _, f := range venue.Formats {
		if f.Venue == "NASDAQ" {
			continue // its messages are of single orders, and no text: it has a benchmark of its own
		}
		s, ok := samples[f.Name]
		if !ok {
			b.Errorf("%s has no messages to be timed: they go into samples", f.Name)
			continue
		}
		b.Run(f.Name+"/trade", func(b *testing.B) {
			s.replay(b, f, "", s.trade)
		})
		b.Run(f.Name+"/book", func(b *testing.B) {
			s.replay(b, f, s.first, s.book)
		})
	}
}

// sample is what a venue sends, as templates: see render.
type sample struct {
	key    string   // the native symbol, where a snapshot does not say it
	before []string // what the decoder must have read
	trade  string
	first  string // the book's snapshot; "": one message is as whole as the next
	book   string
	level  string // how it writes a level, with its side's levels where {bids} and {asks} are, or all where {levels} is
	bid    string // what it calls a bid where the level says its side
	ask    string
	pair   string // how it writes a bid and an ask together, where {levels} is
}

// replay decodes and applies messages that follow each other.
func (s *sample) replay(b *testing.B, f *feed.Format, first, next string) {
	d := f.New(feed.DefaultOptions())
	book := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)
	var batch market.Batch
	r := feed.Record{Key: []byte(s.key)}
	took := 0 // changes of the book
	take := func(value []byte) error {
		batch.Reset()
		r.Value = value
		err := d.Decode(&batch, &r)
		for i := range batch.Events {
			if _, ok := batch.Events[i].Payload.(*market.Book); ok && book.Apply(&batch.Events[i], snapshot.Cause{}) > snapshot.Silent {
				took++
			}
		}
		return err
	}
	for _, value := range s.before {
		_ = take([]byte(value)) // an answer: ignored
	}
	if first != "" {
		if err := take(s.render(f, first, 100, 0).text); err != nil {
			b.Fatalf("%s: %v", first, err)
		}
	}
	var turns [10]message
	for i := range turns {
		turns[i] = s.render(f, next, 20, i)
	}
	b.ReportAllocs()
	n := 1
	for took = 0; b.Loop(); n++ {
		m := &turns[n%10]
		if err := take(m.text); err != nil {
			b.Fatalf("%s: %v", m.text, err)
		}
		m.advance()
	}
	if want := n - 1; next == s.book && (took != want || !book.Good()) {
		b.Fatalf("the book took %d of %d messages", took, want)
	}
}

// message is one of ten that take turns. The numbers at marks have ten digits; the last is the turn's own.
type message struct {
	text  []byte
	marks []int // where the numbers' last digits are
}

// advance adds 10 to the numbers.
func (m *message) advance() {
	for _, at := range m.marks {
		for at--; m.text[at] == '9'; at-- {
			m.text[at] = '0'
		}
		m.text[at]++
	}
}

// render makes a message of a template. {n} is its number, {p} the number of the one before, {bids}, {asks} and {levels}
// are n levels a side, {sum} is their checksum.
func (s *sample) render(f *feed.Format, template string, n, turn int) message {
	bids, asks, both := s.levels(n, turn)
	template = strings.NewReplacer("{bids}", strings.Join(bids, ","), "{asks}", strings.Join(asks, ","), "{levels}", strings.Join(both, ",")).Replace(template)
	if strings.Contains(template, "{sum}") {
		template = strings.ReplaceAll(template, "{sum}", s.sum(f, strings.ReplaceAll(template, "{sum}", "1")))
	}
	var m message
	for {
		before, after, ok := strings.Cut(template, "{")
		m.text = append(m.text, before...)
		if !ok || !strings.HasPrefix(after, "n}") && !strings.HasPrefix(after, "p}") {
			if !ok {
				return m
			}
			m.text, template = append(m.text, '{'), after
			continue
		}
		number := 1000000010 + turn
		if after[0] == 'p' {
			number--
		}
		if turn == 0 && n == 20 { // the first turn of all is 1
			number += 10
		}
		m.text = fmt.Append(m.text, number)
		m.marks = append(m.marks, len(m.text)-1)
		template = after[2:]
	}
}

// levels writes the best n levels of each side, best first, with quantities that are the turn's.
func (s *sample) levels(n, turn int) (bids, asks, both []string) {
	for i := range n {
		bid := []string{"SIDE", s.bid, "ID", fmt.Sprint(8799000999 - i), "PRICE", fmt.Sprintf("36%03d.5", 999-i), "QTY", fmt.Sprintf("%d.3%d", 1+i%7, turn)}
		ask := []string{"SIDE", s.ask, "ID", fmt.Sprint(8799001000 + i), "PRICE", fmt.Sprintf("37%03d.5", i), "QTY", fmt.Sprintf("0.%07d%d", i*7919, 1+turn%9)}
		bids = append(bids, strings.NewReplacer(bid...).Replace(s.level))
		asks = append(asks, strings.NewReplacer(ask...).Replace(s.level))
		if s.pair == "" {
			both = append(both, bids[i], asks[i])
		} else {
			both = append(both, strings.NewReplacer("BID", bid[5], "BUYS", bid[7], "ASK", ask[5], "SELLS", ask[7]).Replace(s.pair))
		}
	}
	return bids, asks, both
}

// sum is the checksum of the levels of a message.
func (s *sample) sum(f *feed.Format, template string) string {
	var batch market.Batch
	d := f.New(feed.DefaultOptions())
	if err := d.Decode(&batch, &feed.Record{Value: []byte(template)}); err != nil {
		return err.Error()
	}
	k := batch.Events[0].Payload.(*market.Book)
	return fmt.Sprint(k.Check.Sum(k.Bids[:k.Check.Levels], k.Asks[:k.Check.Levels]))
}
