package imports

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"tapedeck/feed"
	"tapedeck/market"
)

// rows gives a table's rows: a csvFile or a parquetFile.
type rows interface {
	next() (text []byte, line int64, err error)
	progress() (read, size int64)
	close() error
}

// table is a file of rows, each of which becomes a record: as it is, for a mapping of the settings, or written anew as
// ticks, where flags say what its columns are.
type table struct {
	rows
	name     string
	decoder  feed.Decoder
	ticks    *ticks // nil: a row is kept as it is
	header   []byte // the first line, where records of the mapping begin with it
	received *received
	batch    market.Batch
	value    []byte
}

func (t *table) next() (row, error) {
	text, line, err := t.rows.next()
	r := row{file: t.name, line: line}
	if errors.Is(err, errLong) {
		r.refused = fmt.Errorf("%w: %w", unreadable, err)
		return r, nil
	}
	if err != nil {
		return r, err
	}
	if t.header != nil {
		t.value = append(append(append(t.value[:0], t.header...), '\n'), text...)
		text = t.value
	}
	r.record.Value = text
	r.record.Time, r.refused = t.place(&r, text)
	return r, nil
}

// place decodes a row, and returns the time that it is placed at.
func (t *table) place(r *row, text []byte) (at int64, err error) {
	t.batch.Reset()
	err = t.decoder.Decode(&t.batch, &r.record)
	if why, ok := errors.AsType[feed.Reason](err); ok && !why.Bad() {
		r.unused = true
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for i := range t.batch.Events {
		at = max(at, timeOf(&t.batch.Events[i]))
	}
	if t.received != nil {
		if at, err = t.received.of(text); err != nil {
			return 0, err
		}
	}
	if at == 0 {
		return 0, fmt.Errorf("%w: the row has no time", noTime)
	}
	symbol := t.batch.Events[0].Symbol
	r.record.Key = []byte(symbol.Venue + ":" + symbol.Native)
	if t.ticks != nil {
		r.record.Value, err = t.ticks.write(t.batch.Events)
	}
	return at, err
}

// timeOf is when an event was known: a candle at its end.
func timeOf(e *market.Event) int64 {
	if k, ok := e.Payload.(*market.Candle); ok {
		return max(e.Time, k.Start+k.Width)
	}
	return e.Time
}

// received is the column with the time of receipt.
type received struct {
	title string
	find  func(row []byte) (string, error)
	unit  string
}

// perMicro is how many of a unit are in a µs, or with a minus how many µs in one.
var perMicro = map[string]int64{"s": -1e6, "ms": -1e3, "us": 1, "ns": 1e3}

func (c *received) of(text []byte) (int64, error) {
	word, err := c.find(text)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", feed.BadValue, err)
	}
	n, err := strconv.ParseInt(word, 10, 64)
	if factor := perMicro[c.unit]; factor < 0 {
		if n *= -factor; n/-factor*-factor != n {
			n = 0
		}
	} else {
		n /= factor
	}
	if err != nil || n < earliest || n > latest {
		return 0, fmt.Errorf("%w: column %s is no time in %s: %q", feed.BadValue, c.title, c.unit, word)
	}
	return n, nil
}

// A time of receipt is between 1980 and 2255, in µs: a wrong unit shows at the first row.
const (
	earliest = 315_532_800e6
	latest   = 9_000_000_000e6
)

// receipt finds the time of receipt in a table's rows.
func (s *settings) receipt(t *table, place string, titles []string) *received {
	r := &received{title: place, unit: s.String("received-unit")}
	if p, ok := t.rows.(*parquetFile); ok {
		r.unit = cmp.Or(p.unit(place), r.unit)
		r.find = func([]byte) (string, error) { return p.value(place), nil }
		return r
	}
	n := slices.Index(titles, place)
	if titles == nil {
		n, _ = strconv.Atoi(place)
		n--
	}
	r.find = func(row []byte) (string, error) {
		if bytes.IndexByte(row, '"') < 0 {
			return plain(row, byte(s.delimiter), n, place)
		}
		list, err := fields(row, s.delimiter)
		if err == nil && (n < 0 || n >= len(list)) {
			err = noColumn(place)
		}
		if err != nil {
			return "", err
		}
		return list[n], nil
	}
	return r
}

// plain is a field of a row without quotes.
func plain(row []byte, delimiter byte, n int, place string) (string, error) {
	for ; n > 0; n-- {
		i := bytes.IndexByte(row, delimiter)
		if i < 0 {
			return "", noColumn(place)
		}
		row = row[i+1:]
	}
	if i := bytes.IndexByte(row, delimiter); i >= 0 {
		row = row[:i]
	}
	return string(row), nil
}

func noColumn(place string) error { return fmt.Errorf("there is no column %s", place) }
