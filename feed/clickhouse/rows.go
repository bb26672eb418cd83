package clickhouse

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tapedeck/feed"
)

// tableRow is one row of a query.
type tableRow struct {
	at            int64
	symbol, venue string
	texts         []*string   // by the plan's fields
	lists         []*[]string // where a field is an array
	into          []any
}

func newRow(p *plan) *tableRow {
	r := &tableRow{}
	r.into = append(r.into, &r.at, &r.symbol, &r.venue)
	for i := range p.fields {
		text, list := new(string), new([]string)
		r.texts, r.lists = append(r.texts, text), append(r.lists, list)
		if p.arrays[i] {
			r.into = append(r.into, list)
		} else {
			r.into = append(r.into, text)
		}
	}
	return r
}

func (r *tableRow) scan(scan func(...any) error) error { return scan(r.into...) }

// retelling makes records of rows.
type retelling struct {
	l       *questioned
	plan    *plan
	symbols []string
	take    func(*feed.Record) error
	told    int     // rows
	marks   []int64 // still to be told
}

// read tells the rows of a stretch and returns up to where it came: not to its end where there are more rows than so many.
func (r *retelling) read(ctx context.Context, from, to int64, rows int) (next int64, err error) {
	if r.marks, err = r.minutes(ctx, from, to); err != nil {
		return from, err
	}
	e := &events{plan: r.plan}
	row := newRow(r.plan)
	n, records := 0, 0
	next = from
	tell := func() error {
		if len(e.list) == 0 {
			return nil
		}
		records++
		next = e.at + 1
		return r.record(e)
	}
	err = r.l.db.each(ctx, r.plan.rows(r.l.q, from, to, r.symbols)+r.plan.ordered(rows+1), func(scan func(...any) error) error {
		if err := row.scan(scan); err != nil {
			return err
		}
		if row.at != e.at {
			if err := tell(); err != nil {
				return err
			}
			e.reset()
		}
		n++
		e.add(row)
		return nil
	})
	if err != nil {
		return next, err
	}
	r.told += n
	if n <= rows { // that is all
		if err := tell(); err != nil {
			return next, err
		}
		return to, r.pass(to)
	}
	if err := r.pass(row.at); err != nil || records > 0 {
		return row.at, err // the last time may have more rows
	}
	if rows >= mostOfATime {
		return row.at, fmt.Errorf("%w: more than %d rows are of %s: give them finer times", ErrQuery, mostOfATime, moment(row.at))
	}
	return r.read(ctx, row.at, row.at+1, mostOfATime)
}

// record tells the rows of one time.
func (r *retelling) record(e *events) error {
	if err := r.pass(e.at); err != nil {
		return err
	}
	if len(r.marks) > 0 && r.marks[0] == e.at {
		r.marks = r.marks[1:]
	}
	value := e.value()
	if len(value) > maxValue {
		return fmt.Errorf("%w: the rows of %s are one record of %d bytes, and 1 MiB is the most: give them finer times, as in time + a number that counts the rows of one time", ErrQuery, moment(e.at), len(value))
	}
	return r.take(&feed.Record{Offset: e.at, Time: e.at, Clock: e.at, Value: value})
}

// pass tells the marks before a time.
func (r *retelling) pass(at int64) error {
	for len(r.marks) > 0 && r.marks[0] < at {
		m := r.marks[0]
		r.marks = r.marks[1:]
		if err := r.take(&feed.Record{Offset: m, Time: m, Clock: m, Mark: true}); err != nil {
			return err
		}
	}
	return nil
}

func moment(at int64) string { return time.UnixMicro(at).UTC().Format(time.RFC3339Nano) }

// minutes lists the times at which a minute is over, which are the first of those that end 2 s later, where only some symbols
// are read.
func (r *retelling) minutes(ctx context.Context, from, to int64) (list []int64, err error) {
	if r.symbols == nil {
		return nil, nil
	}
	query := r.plan.times(r.l.q, "min("+atColumn+") AS first", from, to) + " GROUP BY intDiv(" + atColumn + " - 2000000, 60000000) ORDER BY first"
	err = r.l.db.each(ctx, query, func(scan func(...any) error) error {
		var at int64
		err := scan(&at)
		list = append(list, at)
		return err
	})
	return list, err
}

// events are the rows of one time, as events of the format tick.
type events struct {
	plan *plan
	at   int64
	list []*event
	text []byte // of value
}

type event struct {
	symbol, venue string
	text          []byte
	bids, asks    []byte // of a book whose levels are rows
	snapshot      bool
}

func (e *events) reset() { e.list = e.list[:0] }

// add takes a row.
func (e *events) add(r *tableRow) {
	e.at = r.at
	if e.plan.kind == "levels" {
		e.level(r)
		return
	}
	ev := e.begin(r)
	e.list = append(e.list, ev)
	whole := true
	for i, name := range e.plan.fields {
		switch {
		case e.plan.arrays[i]:
			ev.text = append(appendName(ev.text, name), '[')
			for j, level := range *r.lists[i] {
				if j > 0 {
					ev.text = append(ev.text, ',')
				}
				ev.text = appendLevel(ev.text, strings.Fields(level)...)
			}
			ev.text = append(ev.text, ']')
		case name == "snapshot":
			whole = *r.texts[i] == "1"
		default:
			ev.text = appendField(ev.text, name, *r.texts[i])
		}
	}
	if e.plan.kind == "books" {
		ev.text = strconv.AppendBool(appendName(ev.text, "snapshot"), whole)
	}
}

// level adds a row to its symbol's book.
func (e *events) level(r *tableRow) {
	var ev *event
	for _, other := range e.list {
		if other.symbol == r.symbol && other.venue == r.venue {
			ev = other
		}
	}
	fields := map[string]string{}
	for i, name := range e.plan.fields {
		fields[name] = *r.texts[i]
	}
	if ev == nil {
		ev = e.begin(r)
		e.list = append(e.list, ev)
		for _, name := range []string{"seq", "prev"} {
			ev.text = appendField(ev.text, name, fields[name])
		}
	}
	ev.snapshot = ev.snapshot || fields["snapshot"] == "1"
	side := &ev.asks
	if sideOf(fields["side"]) == "buy" {
		side = &ev.bids
	}
	if len(*side) > 0 {
		*side = append(*side, ',')
	}
	*side = appendLevel(*side, fields["price"], fields["size"])
}

var singular = map[string]string{"trades": "trade", "quotes": "quote", "books": "book", "levels": "book"}

func (e *events) begin(r *tableRow) *event {
	ev := &event{}
	if n := len(e.list); n < cap(e.list) && e.list[:n+1][n] != nil {
		ev = e.list[:n+1][n] // of an earlier time
	}
	*ev = event{symbol: r.symbol, venue: r.venue, text: ev.text[:0], bids: ev.bids[:0], asks: ev.asks[:0]}
	ev.text = append(ev.text, `{"t":"`+singular[e.plan.kind]+`"`...)
	ev.text = appendText(appendName(ev.text, "venue"), r.venue)
	ev.text = appendText(appendName(ev.text, "symbol"), r.symbol)
	ev.text = strconv.AppendInt(appendName(ev.text, "ts"), r.at, 10)
	return ev
}

// value is the record: an event, or a list of them. It is valid until the next one.
func (e *events) value() []byte {
	b := e.text[:0]
	if len(e.list) > 1 {
		b = append(b, '[')
	}
	for i, ev := range e.list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, ev.text...)
		if e.plan.kind == "levels" {
			b = append(append(append(appendName(b, "bids"), '['), ev.bids...), ']')
			b = append(append(append(appendName(b, "asks"), '['), ev.asks...), ']')
			b = strconv.AppendBool(appendName(b, "snapshot"), ev.snapshot)
		}
		b = append(b, '}')
	}
	if len(e.list) > 1 {
		b = append(b, ']')
	}
	e.text = b
	return b
}

// called are the format's names where they are others.
var called = map[string]string{"price": "px", "size": "qty", "bid_size": "bidQty", "ask_size": "askQty"}

func appendName(b []byte, name string) []byte {
	return append(append(append(b, `,"`...), name...), `":`...)
}

// appendField writes a column's text.
func appendField(b []byte, name, text string) []byte {
	as := name
	if n, ok := called[name]; ok {
		as = n
	}
	switch {
	case text == "" && name != "price" && name != "size":
		return b // absent
	case name == "seq" || name == "prev":
		if _, err := strconv.ParseInt(text, 10, 64); err == nil {
			return append(appendName(b, as), text...)
		}
	case name == "side":
		text = sideOf(text)
	case name != "id":
		text = plainNumber(text)
	}
	return appendText(appendName(b, as), text)
}

func appendText(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(text)
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), text...), '"')
}

// appendLevel writes [price, size].
func appendLevel(b []byte, parts ...string) []byte {
	b = append(b, '[')
	for i, p := range parts {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, plainNumber(p))
	}
	return append(b, ']')
}

// sideOf reads the usual words for a side.
func sideOf(text string) string {
	switch strings.ToLower(text) {
	case "buy", "b", "bid", "1":
		return "buy"
	case "sell", "s", "ask", "a", "-1":
		return "sell"
	}
	return "unknown"
}
