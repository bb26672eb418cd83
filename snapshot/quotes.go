package snapshot

import "tapedeck/market"

// Quotes is the best bid and ask, whole in every message.
type Quotes struct {
	quote market.Quote
	mark  uint64
	lost  bool
}

// NewQuotes returns an empty quote.
func NewQuotes(Limits, Origin) State { return &Quotes{} }

// Apply replaces the quote. A crossed or locked quote is told as it is: venues send them in auctions.
func (q *Quotes) Apply(ev *market.Event, _ Cause) Effect {
	quote, ok := ev.Payload.(*market.Quote)
	if !ok {
		return None
	}
	q.quote = *quote
	q.mark++
	if q.lost {
		q.lost = false
		return Mended
	}
	return Changed
}

// Mark counts quotes.
func (q *Quotes) Mark() uint64 { return q.mark }

// Since returns the newest quote.
func (q *Quotes) Since(_, _ uint64) (market.Body, bool) { return &q.quote, true }

// Full returns the newest quote.
func (q *Quotes) Full(int) (market.Body, bool) { return &q.quote, false }

// Good reports whether the newest quote is known.
func (q *Quotes) Good() bool { return !q.lost }

// Lose makes the quote unknown until the next: a newer one may have been among the lost.
func (q *Quotes) Lose() { q.lost = true }

// Best is the quote that a book's own top makes: quotes whose origin is derived.
type Best struct{ Quotes }

// NewBest returns the derived quotes of a book.
func NewBest(base State, _ Limits) View {
	b := &Best{}
	b.quote = base.(*Book).best()
	return b
}

// Refresh takes the book's top over.
func (b *Best) Refresh(base State, eff Effect) Effect {
	book := base.(*Book)
	switch {
	case eff == Broken || !book.Good():
		if b.lost {
			return None
		}
		b.lost = true
		return Broken
	case b.lost:
		b.lost, b.quote = false, book.best()
		b.mark++
		return Mended
	}
	was := b.quote
	b.quote = book.best()
	if equalQuotes(&was, &b.quote) {
		return None
	}
	b.mark++
	return Changed
}

// equalQuotes compares by value: a snapshot may spell the same book otherwise.
func equalQuotes(a, b *market.Quote) bool {
	return a.BidPrice.Equal(b.BidPrice) && a.BidQty.Equal(b.BidQty) && a.AskPrice.Equal(b.AskPrice) && a.AskQty.Equal(b.AskQty)
}

// Apply does nothing: the book's events reach a derived quote by Refresh.
func (b *Best) Apply(*market.Event, Cause) Effect { return None }
