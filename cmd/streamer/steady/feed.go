// Package steady publishes trades or quotes at an exact rate, to measure with: there is no market behind them, and
// each carries when it was sent, in µs: a trade as its id, a quote as its bid's quantity. So whoever reads it knows
// how long it took.
package steady

import (
	"context"
	"fmt"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"tapedeck/feed/kafka"
)

// Load is what is published: Rate events a second, spread over Symbols.
type Load struct {
	Rate    int
	Symbols int
	Quotes  bool // instead of trades
}

// Most of each that a Load may ask for. A symbol's name has three digits; an event's id is its µs, and two of one
// symbol must not share it.
const (
	MaxSymbols = 1000
	MaxRate    = 1_000_000
)

// Check says what is wrong with a load.
func (l Load) Check() error {
	switch {
	case l.Rate < 1 || l.Rate > MaxRate:
		return fmt.Errorf("a rate of %d cannot be published: from 1 to %d events a second", l.Rate, MaxRate)
	case l.Symbols < 1 || l.Symbols > MaxSymbols:
		return fmt.Errorf("%d symbols cannot be published: from 1 to %d", l.Symbols, MaxSymbols)
	}
	return nil
}

// Symbol is the native name of symbol i, as Binance would write it. Its room is trades:BINANCE:SYM007-USDT.
func Symbol(i int) string { return fmt.Sprintf("SYM%03dUSDT", i) }

// Report is what was published since the load was last set.
type Report struct {
	Load
	Sent    uint64 // acknowledged by the broker
	Skipped uint64 // not sent, as the broker or this machine was too slow: the rate is not made up for later
	Failed  uint64 // refused by the broker
	Append  Times  // from before a batch is sent to its acknowledgement
}

// Feed publishes one load after the other into one partition: their order is that of their times. It may be used
// from several goroutines.
type Feed struct {
	Quotes bool // what Control publishes; set before it is used

	client *kafkago.Client
	topic  string

	mu     sync.Mutex
	report Report
	origin time.Time
	drawn  int // of the load, sent or skipped
	turn   int
	last   []int64 // id by symbol
	times  times
	woken  chan struct{}
}

// New returns a feed into partition 0 of a topic. It publishes nothing before Set.
func New(c kafka.Cluster, topic string) (*Feed, error) {
	client, err := c.Client()
	if err != nil {
		return nil, err
	}
	return &Feed{client: client, topic: topic, woken: make(chan struct{}, 1)}, nil
}

// Set begins with a load, from now on; one of no rate publishes nothing.
func (f *Feed) Set(l Load) {
	f.mu.Lock()
	f.report, f.times = Report{Load: l}, times{}
	f.origin, f.drawn, f.turn, f.last = time.Now(), 0, 0, make([]int64, l.Symbols)
	f.mu.Unlock()
	select {
	case f.woken <- struct{}{}:
	default:
	}
}

// Report says what was done of the load.
func (f *Feed) Report() Report {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.report
	r.Append = f.times.summary()
	return r
}

const (
	// tick is the least time between two batches. A timer of Go's is hardly finer.
	tick = time.Millisecond
	// burst is how much is made up for when the feed was late: what a client sees after it is not the server's doing.
	burst = 20 * time.Millisecond
)

// Run publishes as long as ctx lasts.
func (f *Feed) Run(ctx context.Context) {
	defer func() {
		if t, ok := f.client.Transport.(*kafkago.Transport); ok {
			t.CloseIdleConnections()
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.woken:
		case <-timer.C:
		}
		batch, wait := f.due(time.Now())
		if len(batch) > 0 {
			f.send(ctx, batch)
		}
		timer.Reset(wait)
	}
}

// due draws what is to be sent now, and says when to look again.
func (f *Feed) due(now time.Time) (batch []kafkago.Record, wait time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rate := f.report.Rate
	if rate == 0 {
		return nil, time.Second
	}
	n := int(now.Sub(f.origin).Seconds()*float64(rate)) - f.drawn
	if most := int(burst.Seconds()*float64(rate)) + 1; n > most {
		f.report.Skipped += uint64(n - most)
		f.drawn += n - most
		n = most
	}
	f.drawn += n
	batch = make([]kafkago.Record, n)
	for i := range batch {
		symbol := f.next()
		id := max(now.UnixMicro(), f.last[symbol]+1)
		f.last[symbol] = id
		name := Symbol(symbol)
		batch[i] = kafkago.Record{Time: now, Key: kafkago.NewBytes([]byte(name)), Value: kafkago.NewBytes(f.report.event(name, id, now))}
	}
	next := f.origin.Add(time.Duration(float64(f.drawn+1) / float64(rate) * float64(time.Second)))
	return batch, max(next.Sub(now), tick)
}

// stride is how far the next trade's symbol is from the last one's: a reader of neighbouring symbols does not
// get all of its trades at once, which would favour whoever sends messages together.
const stride = 37

func (f *Feed) next() int {
	symbol := f.turn * stride % f.report.Symbols
	if f.report.Symbols%stride == 0 {
		symbol = f.turn % f.report.Symbols
	}
	f.turn = (f.turn + 1) % f.report.Symbols
	return symbol
}

// event is one in Binance's raw form. Its id is the time at which it is sent, µs.
func (l Load) event(symbol string, id int64, now time.Time) []byte {
	b := make([]byte, 0, 160)
	if l.Quotes {
		return fmt.Appendf(b, `{"u":%d,"s":"%s","b":"67321.12","B":"%[1]d","a":"67321.13","A":"0.01234500"}`, id, symbol)
	}
	at := now.UnixMilli()
	return fmt.Appendf(b, `{"e":"trade","E":%d,"s":"%s","t":%d,"p":"67321.12345678","q":"0.01234500","T":%[1]d,"m":true,"M":true}`, at, symbol, id)
}

// send publishes a batch and waits for its acknowledgement, which is what bounds what is under way.
func (f *Feed) send(ctx context.Context, batch []kafkago.Record) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	from := time.Now()
	answer, err := f.client.Produce(ctx, &kafkago.ProduceRequest{
		Topic: f.topic, Partition: 0, RequiredAcks: kafkago.RequireOne, Records: kafkago.NewRecordReader(batch...),
	})
	if err == nil {
		err = answer.Error
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.report.Failed += uint64(len(batch))
		return
	}
	f.report.Sent += uint64(len(batch))
	f.times.add(time.Since(from))
}
