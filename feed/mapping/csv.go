package mapping

import (
	"bytes"
	"fmt"
	"slices"

	"tapedeck/feed"
	"tapedeck/feed/scan"
)

// table is what a mapping says of the form of its CSV.
type table struct {
	delimiter byte
	header    []string // named in the mapping; nil: columns have numbers, or their names are in the record
	inRecord  bool     // each record's first line names its columns
	columns   []*column
}

// column is one that is read.
type column struct {
	place
	title  string // "": it is known by its number
	number int    // from 0 on; -1: by its title
}

// header reads what names the columns.
func (c *compiler) header(s *section) {
	c.csv = &table{delimiter: ','}
	if e := s.get("delimiter"); e.value != nil {
		switch d := c.text(e); {
		case d == "tab" || d == "\t":
			c.csv.delimiter = '\t'
		case len(d) == 1 && d[0] >= ' ' && d[0] < 0x7f && d != `"`:
			c.csv.delimiter = d[0]
		default:
			c.fail(at(e.value), "delimiter must be one character, or tab")
		}
	}
	e := s.get("header")
	if e.value == nil {
		return
	}
	if list := items(e.value); len(list) > 1 {
		for _, n := range list {
			title := c.text(entry{"header", e.key, n})
			if slices.Contains(c.csv.header, title) {
				c.fail(at(n), "header names %s twice", title)
			}
			c.csv.header = append(c.csv.header, title)
		}
		return
	}
	if c.text(e) != "first-line" {
		c.fail(at(e.value), "header must be first-line, or the list of all columns' names")
	}
	c.csv.inRecord = true
}

// column finds, or makes, the place of a column.
func (c *compiler) column(e entry, title string, number bool) *place {
	t := c.csv
	col := &column{place: place{name: "column " + title}, title: title, number: -1}
	switch {
	case number && t.inRecord:
		c.fail(at(e.value), "%s: columns have the names of the record's first line: say it, in quotes where it is a number", e.name)
	case number:
		col.title, col.number = "", c.number(e, 1, maxIndex+1)-1
		if t.header != nil && col.number >= len(t.header) {
			c.fail(at(e.value), "%s: there is no column %s: the header names %d", e.name, title, len(t.header))
		}
	case t.header != nil:
		col.title = ""
		if col.number = slices.Index(t.header, title); col.number < 0 {
			c.unknown(at(e.value), title, t.header, "%s: the header has no column %s", e.name, title)
		}
	case !t.inRecord:
		c.fail(at(e.value), "%s: %q is no column's number: they count from 1; to use names, say header", e.name, title)
	}
	for _, other := range t.columns {
		if other.title == col.title && other.number == col.number {
			return &other.place
		}
	}
	t.columns = append(t.columns, col)
	return &col.place
}

// lines decodes the lines of a record, each of which is a message.
func (d *decoder) lines(value []byte) error {
	r := reader{rest: value, delimiter: d.csv.delimiter, plain: d.plain}
	named, some := !d.csv.inRecord, false
	for d.why == nil && r.rest != nil {
		r.line++
		if r.blank() {
			continue
		}
		d.lineNumber, some = r.line, true
		if named {
			d.line(&r)
		} else {
			d.titles(&r)
			named = true
		}
		if r.bad != "" {
			d.why, d.where = nil, ""
			d.whole(feed.BadValue, r.bad)
		}
	}
	d.plain = r.plain
	if !some {
		return feed.Empty
	}
	return nil
}

// titles notes which columns the record's first line names. Nearly always they are those of the record before.
func (d *decoder) titles(r *reader) {
	begin := r.rest
	if n := len(d.named); n > 0 && bytes.HasPrefix(begin, d.named) {
		r.rest = left(begin[n:])
		return
	}
	d.named, d.at = d.named[:0], d.at[:0]
	for text, more := r.field(); more; text, more = r.field() {
		cell := -1
		for _, col := range d.csv.columns {
			if col.title == string(text) {
				cell = col.cell
			}
		}
		d.at = append(d.at, cell)
	}
	for _, col := range d.csv.columns {
		switch n := count(d.at, col.cell); {
		case n == 0:
			d.refuse(&col.place, feed.MissingField, "is not in the record's first line")
		case n > 1:
			d.refuse(&col.place, feed.BadValue, "is there twice")
		}
	}
	if line := begin[:len(begin)-len(r.rest)]; d.why == nil && line[len(line)-1] == '\n' {
		d.named = append(d.named, line...)
	}
}

func count(list []int, v int) (n int) {
	for _, w := range list {
		if w == v {
			n++
		}
	}
	return n
}

// line decodes one line.
func (d *decoder) line(r *reader) {
	clear(d.cells[:len(d.csv.columns)])
	isHeader := d.csv.header != nil
	n := 0
	for text, more := r.field(); more; text, more = r.field() {
		isHeader = isHeader && n < len(d.csv.header) && string(text) == d.csv.header[n]
		if n < len(d.at) && d.at[n] >= 0 {
			d.cells[d.at[n]] = cell{scan.String, text}
		}
		n++
	}
	switch want := d.width(); {
	case r.bad != "":
	case isHeader && n == len(d.csv.header):
		return
	case want > 0 && n != want:
		d.whole(feed.BadValue, fmt.Sprintf("%d columns and not %d", n, want))
	default:
		d.row()
	}
}

// width is how many columns a line must have; 0 where nothing says it.
func (d *decoder) width() int {
	if d.csv.inRecord {
		return len(d.at)
	}
	return len(d.csv.header)
}

// row decodes the line whose columns were noted.
func (d *decoder) row() {
	for i := range d.messages {
		if m := &d.messages[i]; d.hold(m.when) {
			d.message(m)
			return
		}
	}
	d.whole(feed.UnknownKind, "it fits no message")
}

// reader takes lines apart into fields, as RFC 4180 has them: a field in quotes may hold delimiters, line ends and, doubled,
// quotes. Lines end with LF or CRLF.
type reader struct {
	rest      []byte // nil: nothing is left
	delimiter byte
	line      int
	inside    bool   // a line: the one before was not yet taken whole
	plain     []byte // memory for fields whose quotes were doubled
	bad       string
}

// blank takes an empty line, and reports whether there was one.
func (r *reader) blank() bool {
	for _, end := range []string{"\n", "\r\n"} {
		if bytes.HasPrefix(r.rest, []byte(end)) {
			r.rest = left(r.rest[len(end):])
			return true
		}
	}
	return false
}

// left is what is left of a record; nil if that is nothing.
func left(rest []byte) []byte {
	if len(rest) == 0 {
		return nil
	}
	return rest
}

// field takes the line's next field; false at the line's end, which is then behind the reader.
func (r *reader) field() (text []byte, more bool) {
	if !r.inside && r.rest == nil || r.bad != "" {
		return nil, false
	}
	if r.inside && r.ended() {
		r.inside = false
		return nil, false
	}
	r.inside = true
	if len(r.rest) > 0 && r.rest[0] == '"' {
		return r.quoted()
	}
	end := 0
	for end < len(r.rest) && r.rest[end] != r.delimiter && r.rest[end] != '\n' && r.rest[end] != '"' {
		end++
	}
	if end < len(r.rest) && r.rest[end] == '"' {
		r.bad = "a quote inside a field that does not begin with one"
		return nil, false
	}
	text = r.rest[:end]
	if end == len(r.rest) || r.rest[end] == '\n' {
		text = bytes.TrimSuffix(text, []byte("\r"))
	}
	r.rest = r.rest[end:]
	return text, true
}

// ended passes the delimiter before the next field, or the line's end.
func (r *reader) ended() bool {
	switch {
	case len(r.rest) == 0:
		r.rest = nil
		return true
	case r.rest[0] == r.delimiter:
		r.rest = r.rest[1:]
		return false
	case r.rest[0] == '\n':
		r.rest = left(r.rest[1:])
		return true
	case bytes.HasPrefix(r.rest, []byte("\r\n")):
		r.rest = left(r.rest[2:])
		return true
	}
	r.bad = "text behind a field's last quote"
	return true
}

// quoted takes a field in quotes.
func (r *reader) quoted() (text []byte, more bool) {
	body := r.rest[1:]
	end, doubled := 0, false
	for {
		i := bytes.IndexByte(body[end:], '"')
		if i < 0 {
			r.bad = "a field's last quote is missing"
			return nil, false
		}
		if end += i; end+1 == len(body) || body[end+1] != '"' {
			break
		}
		doubled = true
		end += 2
	}
	text, r.rest = body[:end], body[end+1:]
	r.line += bytes.Count(text, []byte("\n"))
	if !doubled {
		return text, true
	}
	if cap(r.plain)-len(r.plain) < len(text) {
		r.plain = make([]byte, 0, 2*(cap(r.plain)+len(text)))
	}
	begin := len(r.plain)
	for i := 0; i < len(text); i++ {
		if r.plain = append(r.plain, text[i]); text[i] == '"' {
			i++
		}
	}
	return r.plain[begin:], true
}
