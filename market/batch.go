package market

// Batch collects the events of one record. Its payloads are reused: they are valid until Reset.
// A Batch belongs to one goroutine. In steady state it allocates nothing.
type Batch struct {
	Events  []Event
	trades  pool[Trade]
	quotes  pool[Quote]
	books   pool[Book]
	tickers pool[Ticker]
	candles pool[Candle]
	status  pool[Status]
	facts   pool[Instrument]
}

// pool hands out values that stay where they are until it is rewound.
type pool[T any] struct {
	items []*T
	used  int
}

func (p *pool[T]) next() *T {
	if p.used == len(p.items) {
		p.items = append(p.items, new(T))
	}
	p.used++
	return p.items[p.used-1]
}

// Reset empties the batch and takes back its payloads.
func (b *Batch) Reset() {
	b.Events = b.Events[:0]
	b.trades.used, b.quotes.used, b.books.used = 0, 0, 0
	b.tickers.used, b.candles.used, b.status.used, b.facts.used = 0, 0, 0, 0
}

func (b *Batch) add(s *Symbol, time int64, p Payload) {
	b.Events = append(b.Events, Event{Symbol: s, Time: time, Payload: p})
}

// Trade adds an event and returns its empty payload, to be filled in by the caller.
func (b *Batch) Trade(s *Symbol, time int64) *Trade {
	t := b.trades.next()
	*t = Trade{Time: time}
	b.add(s, time, t)
	return t
}

// Quote adds an event and returns its empty payload.
func (b *Batch) Quote(s *Symbol, time int64) *Quote {
	q := b.quotes.next()
	*q = Quote{}
	b.add(s, time, q)
	return q
}

// Book adds an event and returns its empty payload, with the memory of an earlier one's levels.
func (b *Batch) Book(s *Symbol, time int64) *Book {
	k := b.books.next()
	*k = Book{Bids: k.Bids[:0], Asks: k.Asks[:0]}
	b.add(s, time, k)
	return k
}

// Ticker adds an event and returns its empty payload.
func (b *Batch) Ticker(s *Symbol, time int64) *Ticker {
	t := b.tickers.next()
	*t = Ticker{}
	b.add(s, time, t)
	return t
}

// Candle adds an event and returns its empty payload.
func (b *Batch) Candle(s *Symbol, time int64) *Candle {
	c := b.candles.next()
	*c = Candle{}
	b.add(s, time, c)
	return c
}

// Status adds an event and returns its empty payload.
func (b *Batch) Status(s *Symbol, time int64) *Status {
	st := b.status.next()
	*st = Status{}
	b.add(s, time, st)
	return st
}

// Gap adds an event. It comes before the record's other events of the symbol.
func (b *Batch) Gap(s *Symbol) { b.add(s, 0, &Gap{}) }

// Instrument adds an event and returns its empty payload.
func (b *Batch) Instrument(s *Symbol, time int64) *Instrument {
	i := b.facts.next()
	*i = Instrument{}
	b.add(s, time, i)
	return i
}

// Undo takes back the events from n on: a decoder that finds its record bad half-way calls it, so
// that a record counts wholly or not at all.
func (b *Batch) Undo(n int) { b.Events = b.Events[:n] }
