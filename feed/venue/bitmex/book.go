package bitmex

import (
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// The venue has no number by which a lost message would show. What does show is a row with an id that was
// never told: nothing follows such a message but a snapshot.
var lost = &market.Chain{
	Name:    "bitmex-ids",
	Old:     func(*market.Book, int64) bool { return false },
	Starts:  func(*market.Book, int64) bool { return false },
	Follows: func(*market.Book, int64) bool { return false },
	Repeat:  func(*market.Book, int64) bool { return false },
}

// row is a row of a book.
type row struct {
	symbol *market.Symbol
	key    key
	price  market.Decimal // absent where the venue does not repeat it
	size   market.Decimal
	time   int64
	none   bool // no row: the book is empty
}

// key is what the venue tells a book's rows apart by. One id may be on both sides.
type key struct {
	id  int64
	ask bool
}

// level notes a row of a book.
func (d *decoder) level(sym *market.Symbol) {
	m := &d.message
	r := row{symbol: sym, key: key{id: m.ID(idField)}, time: m.time()}
	switch string(m.Word(sideField)) {
	case "Buy":
	case "Sell":
		r.key.ask = true
	default:
		m.Fail(sideField, scan.Wrong)
	}
	if m.action == partial || m.action == insert || m.Has(priceField) {
		r.price = m.Price(priceField)
	}
	r.size = market.Int(0)
	if m.action != remove {
		r.size = m.Size(sizeField)
	}
	d.rows = append(d.rows, r)
}

// usualLevel notes a row of a book that is written as the one before it was, of the same symbol and time, as nearly all are:
// {"symbol":"XBTUSD","id":8799000999,"side":"Buy","size":1,"price":37000.5,"timestamp":"2023-11-14T22:13:20.000Z"}, of which the last
// three may be missing. Else it takes nothing. It takes a third of the time, and a row has 110 bytes.
func (d *decoder) usualLevel() bool {
	m := &d.message
	c := m.Cursor
	if d.newest == nil || !c.Literal(`{"symbol":"`) || !c.Literal(d.newest.Native) || !c.Literal(`","id":`) {
		return false
	}
	r := row{symbol: d.newest, size: market.Int(0)}
	id, ok := c.Number()
	if r.key.id, _ = id.Int64(); !ok || r.key.id <= 0 {
		return false
	}
	if r.key.ask = c.Literal(`,"side":"Sell"`); !r.key.ask && !c.Literal(`,"side":"Buy"`) {
		return false
	}
	sized := c.Literal(`,"size":`)
	if sized {
		if r.size, ok = c.Number(); !ok || r.size.Neg() {
			return false
		}
	}
	priced := c.Literal(`,"price":`)
	if priced {
		if r.price, ok = c.Number(); !ok || r.price.Neg() || r.price.IsZero() {
			return false
		}
	}
	if len(m.clock) > 0 && c.Literal(`,"timestamp":"`) {
		if !c.Literal(string(m.clock)) || !c.Literal(`"`) {
			return false
		}
		r.time = m.micros
	}
	if !c.Literal("}") || !sized && m.action != remove || !priced && (m.action == partial || m.action == insert) {
		return false
	}
	if m.action == remove {
		r.size = market.Int(0)
	}
	m.Cursor = c
	d.rows = append(d.rows, r)
	return true
}

// empty notes that a snapshot has no row: then only its filter says of which book it is.
func (d *decoder) empty() {
	m := &d.message
	if m.table.kind != bookTable || m.action != partial || len(d.rows) > 0 || m.Skipped() || m.filter.Kind != scan.Object {
		return
	}
	filter := m.Cursor.Into(m.filter)
	filter.Object()
	for name, ok := filter.Key(); ok; name, ok = filter.Key() {
		v := filter.Value()
		if string(name) != "symbol" || v.Kind != scan.String {
			continue
		}
		if len(d.rows) > 0 {
			m.Refuse(errTwice)
		}
		if sym := d.named(filter.Text(v, m.text[:0])); sym != nil {
			d.rows = append(d.rows, row{symbol: sym, none: true})
		}
	}
}

// book makes events of the rows, one for each symbol, and remembers their prices.
func (d *decoder) book(b *market.Batch) {
	from := len(b.Events)
	var k *market.Book
	at := -1
	for i := range d.rows {
		r := &d.rows[i]
		if at < 0 || b.Events[at].Symbol != r.symbol {
			if at = find(b, from, r.symbol); at < 0 {
				at = len(b.Events)
				b.Book(r.symbol, 0).Snapshot = d.message.action == partial
				if d.message.action == partial {
					d.prices.forget(r.symbol)
				}
			}
			k = b.Events[at].Payload.(*market.Book)
		}
		b.Events[at].Time = max(b.Events[at].Time, r.time)
		if !r.none {
			d.apply(k, r)
		}
	}
}

func find(b *market.Batch, from int, sym *market.Symbol) int {
	for i := from; i < len(b.Events); i++ {
		if b.Events[i].Symbol == sym {
			return i
		}
	}
	return -1
}

// apply adds a row to an event.
func (d *decoder) apply(k *market.Book, r *row) {
	price := r.price
	if d.message.action != update || !price.Set() { // a change that tells its price needs no memory
		price = d.prices.learn(r, d.message.action == remove)
	}
	if !price.Set() {
		k.Chain = lost
		return
	}
	l := market.Level{Price: price, Qty: r.size}
	if r.key.ask {
		k.Asks = append(k.Asks, l)
	} else {
		k.Bids = append(k.Bids, l)
	}
}

// maxPrices is how many rows one partition's books may have: 100 times the largest that we know. Those
// that come when it is full are not remembered: what is told of them later by id alone makes the book
// wait for a snapshot.
const maxPrices = 1 << 20

// prices are the prices of the rows of all books.
type prices struct {
	of map[*market.Symbol]map[key]market.Decimal
	n  int
}

func (p *prices) forget(sym *market.Symbol) {
	p.n -= len(p.of[sym])
	clear(p.of[sym])
}

// learn returns a row's price, and remembers it, or no longer where the row is removed; absent where
// it was never told.
func (p *prices) learn(r *row, removed bool) market.Decimal {
	known := p.of[r.symbol]
	price, there := known[r.key]
	switch {
	case removed:
		if there {
			delete(known, r.key)
			p.n--
		}
	case !r.price.Set():
	case there:
		if r.price != price {
			known[r.key] = r.price
		}
	case p.n < maxPrices:
		if known == nil {
			known = map[key]market.Decimal{}
			p.of[r.symbol] = known
		}
		known[r.key] = r.price
		p.n++
	}
	if r.price.Set() {
		return r.price
	}
	return price
}
