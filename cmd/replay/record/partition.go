package record

import (
	"errors"
	"sync/atomic"

	"tapedeck/cmd/replay/minutes"
	"tapedeck/feed"
	"tapedeck/feed/checkpoint"
	"tapedeck/feed/clickhouse"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// partition is one log on its way into the table.
type partition struct {
	r       *Recorder
	feed    Feed
	id      feed.LogID
	decoder feed.Decoder
	start   *feed.Start      // of fold, to come
	fold    *checkpoint.Fold // what checkpoints are made of; nil: there are none
	due     int64            // the log's clock at which one is
	others  []feed.Decoder   // that take trades from the other streams: for the index of symbols alone
	batch   market.Batch
	spare   market.Batch
	names   map[*market.Symbol]string
	minutes *minutes.Minutes

	clock market.Clock
	over  int64
	tail  clickhouse.Tail // below its Next everything is in the table
	warm  bool            // that is what is read

	next, end atomic.Int64
}

func (p *partition) begin(at feed.Start, tail clickhouse.Tail, known bool) {
	p.id, p.tail, p.warm = at.Log, tail, known
	p.decoder = p.feed.Format.New(p.feed.Options)
	p.others = nil
	for _, stream := range []string{"trade", "aggTrade", "trades-all"} {
		if o := p.feed.Options; p.feed.Format.Scope == feed.ScopeRecord && stream != o.Trades {
			o.Trades = stream
			p.others = append(p.others, p.feed.Format.New(o))
		}
	}
	p.names = map[*market.Symbol]string{}
	p.clock = market.ClockAt(tail.Clock)
	p.over = snapshot.Over(tail.Clock)
	p.minutes = minutes.New(at.From == 0, p.feed.Options.Origins[market.CandlesChannel], tail.Clock) // all that is not older is read
	p.next.Store(at.From)
	p.end.Store(at.End)
	if known && at.From >= tail.Next {
		p.cold()
	}
}

// cold is where the table ends: the clock is what the table knows of it.
func (p *partition) cold() {
	p.warm = false
	p.clock, p.over = p.tail.At, snapshot.Over(p.tail.At.Now())
}

// Record implements feed.Log.
func (p *partition) Record(r *feed.Record) {
	if p.warm && r.Offset >= p.tail.Next {
		p.cold()
	}
	p.clock.Observe(max(r.Time, 0))
	clock := p.clock.Now()
	if f := p.folding(r.Offset); f != nil {
		_ = f.Record(r) // we see the same error below
	}
	p.batch.Reset()
	err := p.decoder.Decode(&p.batch, r)
	if err != nil {
		p.batch.Reset()
	}
	events := p.batch.Events
	over := snapshot.Over(clock)
	mark := over > p.over
	p.over = max(p.over, over)
	p.minutes.Record(events, max(r.Time, 0), clock, p.over)
	p.next.Store(r.Offset + 1)
	if p.warm {
		if mark {
			p.minutes.Settle(nil)
		}
		return
	}
	if mark {
		p.save(clock)
	}
	p.r.queue.add(&p.id, clickhouse.DayOf(clock, max(r.Time, 0)), func(b *clickhouse.Batch) {
		row := clickhouse.Row{Log: b.Log(&p.id), Clock: clock, Symbol: p.index(r, events, err)}
		if len(events) > 0 {
			row.VTime = max(events[0].Time, 0)
		}
		if mark {
			b.Marks = append(b.Marks, clickhouse.Mark{Log: row.Log, Offset: r.Offset, Time: max(r.Time, 0), Clock: clock})
			p.minutes.Settle(func(s *market.Symbol, c *market.Candle) {
				b.Candles = append(b.Candles, clickhouse.Candle{Log: row.Log, Offset: r.Offset, Symbol: p.name(s), Candle: *c})
			})
		}
		p.trades(b, &row, r, events)
		b.Add(row, r)
	})
}

func (p *partition) trades(b *clickhouse.Batch, row *clickhouse.Row, r *feed.Record, events []market.Event) {
	for i := range events {
		if t, ok := events[i].Payload.(*market.Trade); ok {
			b.Note(clickhouse.Trade{Log: row.Log, Offset: r.Offset, Index: i, Symbol: p.name(events[i].Symbol), At: max(r.Time, 0), Trade: *t})
		}
	}
}

// index names a record's symbol. A trade of a stream that is not used here has one too: a replay may use it.
func (p *partition) index(r *feed.Record, events []market.Event, err error) string {
	if errors.Is(err, feed.Unused) {
		for _, d := range p.others {
			p.spare.Reset()
			if d.Decode(&p.spare, r) == nil && len(p.spare.Events) > 0 {
				return p.symbol(p.spare.Events)
			}
		}
	}
	return p.symbol(events)
}

// symbol names the one symbol that all events are of; "" where there is none, or more than one.
func (p *partition) symbol(events []market.Event) string {
	if len(events) == 0 {
		return ""
	}
	for i := range events {
		if events[i].Symbol != events[0].Symbol {
			return ""
		}
	}
	return p.name(events[0].Symbol)
}

func (p *partition) name(s *market.Symbol) string {
	n, ok := p.names[s]
	if !ok {
		n = s.Venue + ":" + s.Name
		p.names[s] = n
	}
	return n
}

// Lost implements feed.Log.
func (p *partition) Lost(from, to int64, why feed.Loss) {
	p.minutes.Lose()
	if f := p.folding(to - 1); f != nil {
		f.Lost(from, to, why)
	}
	p.next.Store(to)
	if from = max(from, p.tail.Next); from >= to {
		return // the table has them
	}
	if p.warm {
		p.cold()
	}
	p.r.Stats.Lost.Add(to - from)
	p.r.Log.Warn("records lost", "topic", p.id.Topic, "partition", p.id.Partition, "from", from, "to", to, "reason", string(why))
	clock := p.clock.Now()
	p.r.queue.add(&p.id, clickhouse.DayOf(clock, 0), func(b *clickhouse.Batch) {
		b.Holes = append(b.Holes, clickhouse.Hole{Log: b.Log(&p.id), Clock: clock, Hole: feed.Hole{From: from, To: to, Why: why}})
	})
}

// Restart implements feed.Log: another log, or the same one without its newest records.
func (p *partition) Restart(at feed.Start) {
	p.r.Log.Warn("log begins anew", "topic", p.id.Topic, "partition", p.id.Partition, "id", at.Log.TopicID, "from", at.From)
	if at.Log == p.id {
		p.minutes.Lose()
		p.foldFrom(at)
		return
	}
	p.begin(at, clickhouse.Tail{}, false)
	p.foldFrom(at)
}

// End implements feed.Log.
func (p *partition) End(offset int64) { p.end.Store(offset) }

// Down implements feed.Log.
func (p *partition) Down(reason string) {}

// Up implements feed.Log.
func (p *partition) Up() {}
