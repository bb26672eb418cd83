package mapping

import (
	"errors"
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// program is a mapping, compiled. It is never changed, and shared by its decoders.
type program struct {
	csv      *table // nil: JSON
	root     node   // of JSON: what is read of a record
	groups   []*group
	outside  []*outside
	messages []message
	lists    int // of levels, that are read on the way
	names    []naming
	kind     market.Kind
	cells    int
}

// group is a list in the record, each element of which is a message.
type group struct {
	list    *place
	element node
	end     int // the cell behind those of an element
}

// outside is a place beside the record's value: a header, or the key.
type outside struct {
	place
	header string // "": the key
}

// cell is what was found at a place.
type cell struct {
	kind scan.Kind // None: nothing. What is no JSON is a String
	text []byte    // of a string its content, else as it is written; part of the record
}

// decoder decodes one partition. It remembers its symbols and nothing else.
type decoder struct {
	*program
	symbols *feed.Symbols
	called  map[string]string // the native name that a name is of
	key     []byte
	cells   []cell
	ladders []levels
	plain   []byte // memory for texts that have escapes in the record
	at      []int  // of CSV: the cells of columns
	named   []byte // the line that named them

	batch      *market.Batch
	why        error // the first fault
	where      string
	lineNumber int // of CSV
	unused     bool
}

func newDecoder(p *program, o feed.Options) *decoder {
	d := &decoder{program: p, symbols: feed.NewSymbols(o), called: map[string]string{}, cells: make([]cell, p.cells), ladders: make([]levels, p.lists)}
	if p.csv != nil && !p.csv.inRecord {
		for _, col := range p.csv.columns {
			for col.number >= len(d.at) {
				d.at = append(d.at, -1)
			}
			d.at[col.number] = col.cell
		}
	}
	return d
}

// Decode implements feed.Decoder.
func (d *decoder) Decode(b *market.Batch, r *feed.Record) error {
	switch {
	case r.Value == nil:
		return feed.Tombstone
	case len(r.Value) == 0:
		return feed.Empty
	case len(r.Value) > MaxRecord:
		return feed.TooLarge
	}
	before := len(b.Events)
	d.batch, d.why, d.where, d.lineNumber, d.unused, d.plain = b, nil, "", 0, false, d.plain[:0]
	for _, o := range d.outside {
		d.cells[o.cell] = o.find(r)
	}
	read := d.json
	if d.csv != nil {
		read = d.lines
	}
	err := read(r.Value)
	if err == nil {
		err = d.end(len(b.Events) > before)
	}
	if err != nil {
		b.Undo(before)
	}
	d.batch = nil
	clear(d.cells)
	return err
}

func (o *outside) find(r *feed.Record) cell {
	if o.header == "" {
		return cell{scan.String, r.Key}
	}
	for i := range r.Headers {
		if r.Headers[i].Key == o.header {
			return cell{scan.String, r.Headers[i].Value}
		}
	}
	return cell{}
}

// end says what became of a record that could be read.
func (d *decoder) end(events bool) error {
	switch {
	case d.why != nil && d.lineNumber > 0:
		return fmt.Errorf("%w: line %d: %s", d.why, d.lineNumber, d.where)
	case d.why != nil:
		return fmt.Errorf("%w: %s", d.why, d.where)
	case events:
		return nil
	case d.unused:
		return feed.Unused
	}
	return feed.Ignored // messages that are to be ignored, or an empty list
}

// refuse notes a fault at a place.
func (d *decoder) refuse(p *place, why feed.Reason, what string) {
	if d.why == nil {
		d.why, d.where = why, p.name+" "+what
	}
}

// whole notes a fault of a message.
func (d *decoder) whole(why error, what string) {
	if d.why == nil {
		d.why, d.where = why, what
	}
}

// message decodes the message that was found.
func (d *decoder) message(m *message) {
	if m.ignore {
		return
	}
	sym := d.symbol(m)
	if sym == nil {
		return
	}
	time := int64(0)
	if m.time != nil {
		time = d.time(m.time)
	}
	for _, e := range m.events {
		e.emit(d, sym, time)
	}
}

// symbol returns the message's symbol; nil if it is not wanted, or cannot be.
func (d *decoder) symbol(m *message) *market.Symbol {
	venue := m.venue.constant
	if m.venue.place != nil {
		var ok bool
		if venue, ok = m.venue.words[string(d.name(m.venue.place))]; !ok {
			d.refuse(m.venue.place, feed.BadSymbol, "is none of the words that stand for a venue")
			return nil
		}
	}
	d.key = append(append(d.key[:0], venue...), ':')
	if m.symbol.place != nil {
		d.key = append(d.key, d.name(m.symbol.place)...)
	} else {
		d.key = append(d.key, m.symbol.constant...)
	}
	if d.why != nil {
		return nil
	}
	sym, err := d.symbols.Find(d.key)
	if sym == nil && err == nil {
		sym, err = d.meet(venue, string(d.key[len(venue)+1:]))
	}
	if errors.Is(err, feed.Unused) {
		d.unused = true
	} else if err != nil {
		d.why, d.where = err, string(d.key)
	}
	return sym
}

// name returns a text without which a message is of no symbol.
func (d *decoder) name(p *place) []byte {
	if _, ok := d.given(p); !ok {
		d.refuse(p, feed.BadSymbol, "is not there, or empty")
	}
	return d.must(p)
}

// given returns what is at a place; false if nothing is, or it is empty.
func (d *decoder) given(p *place) ([]byte, bool) {
	if p == nil {
		return nil, false
	}
	k := &d.cells[p.cell]
	return k.text, k.kind > scan.Null && len(k.text) > 0
}

// there reports whether a place is in the record, be it empty.
func (d *decoder) there(p *place) bool { return p != nil && d.cells[p.cell].kind != scan.None }

// must returns the text of what has to be at a place.
func (d *decoder) must(p *place) []byte {
	text, ok := d.given(p)
	switch {
	case !ok:
		d.refuse(p, feed.MissingField, "is not there, or empty")
	case d.cells[p.cell].kind >= scan.Array:
		d.refuse(p, feed.BadValue, "is no plain value")
		return nil
	}
	return text
}

// number returns the number that has to be at a place.
func (d *decoder) number(p *place) market.Decimal {
	text := d.must(p)
	n, ok := market.ParseDecimal(text)
	if !ok || d.cells[p.cell].kind < scan.Number {
		d.refuse(p, feed.BadValue, "is no number")
	}
	return n
}

// size is a number that is not negative.
func (d *decoder) size(p *place) market.Decimal {
	n := d.number(p)
	if n.Neg() {
		d.refuse(p, feed.BadValue, "is negative")
	}
	return n
}

// price is a number above 0.
func (d *decoder) price(p *place) market.Decimal {
	n := d.number(p)
	if n.Neg() || n.IsZero() {
		d.refuse(p, feed.BadValue, "is not above 0")
	}
	return n
}

// whole numbers have at most 18 digits.
func (d *decoder) integer(p *place) int64 {
	n, ok := parseInt(d.must(p))
	if !ok {
		d.refuse(p, feed.BadValue, "is no whole number of up to 18 digits")
	}
	return n
}

func parseInt(text []byte) (n int64, ok bool) {
	digits := text
	if len(text) > 0 && text[0] == '-' {
		digits = text[1:]
	}
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	for _, b := range digits {
		if b-'0' > 9 {
			return 0, false
		}
		n = n*10 + int64(b-'0')
	}
	if len(digits) < len(text) {
		n = -n
	}
	return n, true
}

// count is a whole number that is not negative, and that clients can read into 64-bit floats.
func (d *decoder) count(p *place) int64 {
	n := d.integer(p)
	if n < 0 || n > scan.MaxCount {
		d.refuse(p, feed.BadValue, "is negative, or too large")
	}
	return n
}
