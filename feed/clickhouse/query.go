package clickhouse

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tapedeck/market"
)

// Query is a question to tables of somebody else's, whose rows are trades, quotes or books: a SELECT with named columns.
//
// In its text {from} and {to} stand for the stretch of time that is wanted, in µs since 1970, up to, not including, the second:
// where it has them, a server reads that stretch alone. Without, it is chosen from all that the query gives.
type Query struct {
	SQL   string
	Kind  string // trades, quotes or books
	Venue string // of its rooms, where there is no column venue
}

// Kinds are what a query's rows may be.
var Kinds = []string{"trades", "quotes", "books"}

// source is a column that a field is taken from: one of the names that it may have, and how it becomes text.
type source struct {
	field string
	must  bool
	text  func(name, kind string) (string, error)
}

func number(name, _ string) (string, error) { return "ifNull(toString(" + name + "), '')", nil }

// truth is 1 for what is neither 0 nor empty.
func truth(name, _ string) (string, error) {
	return "if(ifNull(toString(" + name + "), '') IN ('', '0', 'false'), '0', '1')", nil
}

// sources are the columns of each kind of rows, besides symbol, time and venue.
var sources = map[string][]source{
	"trades": {{"price", true, number}, {"size", true, number}, {"side", false, number}, {"id", false, number}},
	"quotes": {{"bid", true, number}, {"bid_size", true, number}, {"ask", true, number}, {"ask_size", true, number}},
	// A row is a book, or its levels that changed.
	"books": {{"bids", true, levels}, {"asks", true, levels}, {"snapshot", false, truth}, {"seq", false, number}, {"prev", false, number}},
	// A row is one level.
	"levels": {{"side", true, number}, {"price", true, number}, {"size", true, number}, {"snapshot", true, truth}, {"seq", false, number}, {"prev", false, number}},
}

// levels makes a list of "price size" from an array of pairs.
func levels(name, kind string) (string, error) {
	switch {
	case strings.HasPrefix(kind, "Array(Tuple("):
		return "arrayMap(x -> concat(toString(tupleElement(x, 1)), ' ', toString(tupleElement(x, 2))), " + name + ")", nil
	case strings.HasPrefix(kind, "Array(Array("):
		return "arrayMap(x -> concat(toString(x[1]), ' ', toString(x[2])), " + name + ")", nil
	}
	return "", fmt.Errorf("its column %s is %s, but must be an array of pairs of price and size; or give %s_prices and %[3]s_sizes", name, kind, strings.TrimSuffix(name, "s"))
}

// micros is a time in µs.
func micros(name, kind string) (string, error) {
	bare := kind
	for _, around := range []string{"LowCardinality(", "Nullable("} {
		if inner, ok := strings.CutPrefix(bare, around); ok {
			bare = strings.TrimSuffix(inner, ")")
			name = "assumeNotNull(" + name + ")"
		}
	}
	switch {
	case bare == "DateTime" || strings.HasPrefix(bare, "DateTime("):
		return "toInt64(toUnixTimestamp(" + name + ")) * 1000000", nil
	case strings.HasPrefix(bare, "DateTime64("):
		return "toUnixTimestamp64Micro(" + name + ")", nil
	case strings.HasPrefix(bare, "Int") || strings.HasPrefix(bare, "UInt"):
		return "toInt64(" + name + ")", nil
	}
	return "", fmt.Errorf("its column %s is %s, but must be a DateTime, a DateTime64, or a whole number of µs since 1970", name, kind)
}

// plan is a query as it is sent.
type plan struct {
	kind   string // of sources
	at     string // the time in µs
	symbol string
	venue  string
	fields []string // names of what follows
	texts  []string // and its columns
	arrays []bool
	order  []string // what tells rows of one time apart
}

// planned finds the query's columns by the names and types that it has.
func (q Query) planned(columns []driver.ColumnType) (p plan, err error) {
	var names []string
	kinds := map[string]string{}
	for _, c := range columns {
		names = append(names, c.Name())
		kinds[c.Name()] = c.DatabaseTypeName()
	}
	missing := func(name string) error {
		return fmt.Errorf("the query of %s has no column %s: name one so, as in `x AS %[2]s`; it has %s", q.Kind, name, strings.Join(names, ", "))
	}
	for _, must := range []string{"symbol", "time"} {
		if kinds[must] == "" {
			return p, missing(must)
		}
	}
	p.kind, p.symbol, p.venue = q.Kind, "ifNull(toString(symbol), '')", quote(q.Venue)
	if kinds["venue"] != "" {
		p.venue = "ifNull(toString(venue), '')"
	}
	if p.at, err = micros("time", kinds["time"]); err != nil {
		return p, err
	}
	if q.Kind == "books" && kinds["price"] != "" && kinds["bids"] == "" && kinds["bid_prices"] == "" {
		p.kind = "levels"
	}
	for _, s := range sources[p.kind] {
		side := strings.TrimSuffix(s.field, "s")
		prices, sizes := side+"_prices", side+"_sizes"
		text := ""
		switch {
		case kinds[s.field] != "":
			text, err = s.text(s.field, kinds[s.field])
		case kinds[prices] != "" && kinds[sizes] != "":
			text = "arrayMap((p, q) -> concat(toString(p), ' ', toString(q)), " + prices + ", " + sizes + ")"
		case s.must:
			err = missing(s.field)
		default:
			continue
		}
		if err != nil {
			return p, err
		}
		p.fields, p.texts, p.arrays = append(p.fields, s.field), append(p.texts, text), append(p.arrays, strings.HasPrefix(text, "arrayMap"))
	}
	for _, name := range []string{"seq", "id"} {
		if kinds[name] != "" {
			p.order = append(p.order, name)
		}
	}
	return p, nil
}

// names of the columns that we add, which no query has.
const (
	atColumn     = "tapedeck_at"
	symbolColumn = "tapedeck_symbol"
	venueColumn  = "tapedeck_venue"
)

// stretch is the query's text for a stretch of time.
func (q Query) stretch(from, to int64) string {
	text := strings.TrimRight(strings.TrimSpace(q.SQL), ";")
	return strings.NewReplacer("{from}", strconv.FormatInt(max(from, 0), 10), "{to}", strconv.FormatInt(min(to, lastTime), 10)).Replace(text)
}

// lastTime (2100) is what {to} is at most: a DateTime of ClickHouse ends in 2106.
const lastTime = 4_102_444_800_000_000

// rows selects the rows of a stretch.
func (p *plan) rows(q Query, from, to int64, symbols []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "SELECT %s AS %s, %s AS %s, %s AS %s", p.at, atColumn, p.symbol, symbolColumn, p.venue, venueColumn)
	for i, text := range p.texts {
		fmt.Fprintf(&b, ", %s AS tapedeck_%d", text, i)
	}
	fmt.Fprintf(&b, " FROM (%s) WHERE %s >= %d AND %[2]s < %[4]d", q.stretch(from, to), atColumn, from, to)
	if symbols != nil {
		fmt.Fprintf(&b, " AND concat(%s, ':', %s) IN ('', %s)", venueColumn, symbolColumn, quoted(symbols))
	}
	return b.String()
}

// ordered puts them in order: by time, by their own number, and by all that they say.
func (p *plan) ordered(limit int) string {
	order := append([]string{atColumn}, p.order...)
	order = append(order, symbolColumn, venueColumn)
	for i := range p.texts {
		order = append(order, fmt.Sprintf("tapedeck_%d", i))
	}
	return fmt.Sprintf(" ORDER BY %s LIMIT %d", strings.Join(order, ", "), limit)
}

// times selects an expression over the times of a stretch.
func (p *plan) times(q Query, what string, from, to int64) string {
	return fmt.Sprintf("SELECT %s FROM (SELECT %s AS %s FROM (%s)) WHERE %[3]s >= %[5]d AND %[3]s < %[6]d", what, p.at, atColumn, q.stretch(from, to), from, to)
}

// hash tells queries apart: rows of another one are another log.
func (q Query) hash() string {
	h := sha256.Sum256([]byte(q.Kind + "\n" + q.Venue + "\n" + q.SQL))
	return hex.EncodeToString(h[:8])
}

// check says what is wrong with the query itself.
func (q Query) check() error {
	switch {
	case !slices.Contains(Kinds, q.Kind):
		return fmt.Errorf("a query's kind is %q: there are %s", q.Kind, strings.Join(Kinds, ", "))
	case strings.TrimSpace(q.SQL) == "":
		return fmt.Errorf("the query of %s is empty", q.Kind)
	}
	return nil
}

// plainNumber writes a number that a float's shortest text has with an exponent without one.
func plainNumber(text string) string {
	mantissa, exponent, ok := strings.Cut(text, "e")
	shift, err := strconv.Atoi(exponent)
	if !ok || err != nil || shift < -market.MaxDigits || shift > market.MaxDigits {
		return text
	}
	sign := ""
	if mantissa, ok = strings.CutPrefix(mantissa, "-"); ok {
		sign = "-"
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if shift < 0 {
		whole = strings.Repeat("0", max(1-shift-len(whole), 0)) + whole
		return sign + whole[:len(whole)+shift] + "." + whole[len(whole)+shift:] + fraction
	}
	fraction += strings.Repeat("0", max(shift-len(fraction), 0))
	whole += fraction[:shift]
	if fraction = fraction[shift:]; fraction != "" {
		fraction = "." + fraction
	}
	return sign + whole + fraction
}
