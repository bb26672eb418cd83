package clickhouse

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// Day is what is held of a topic on one day of its logs' clocks.
type Day struct {
	Day   string // 2026-01-31; "": what is missing before a log's first record
	Topic string
	Extent
	Missing int64 // offsets that are known to be missing
	Symbols []Symbol
}

// Symbol is what is held of one symbol.
type Symbol struct {
	Name string // VENUE:NAME; "": of none or of several
	Extent
}

// Extent is how much is held, and from when to when. A record or a trade that was written twice counts twice, until the server
// has merged it.
type Extent struct {
	Records, Bytes, Trades int64
	From, To               int64 // the log's clock, µs; 0: not known
}

func (e *Extent) add(o Extent) {
	e.Records, e.Bytes, e.Trades = e.Records+o.Records, e.Bytes+o.Bytes, e.Trades+o.Trades
	if e.From == 0 || o.From > 0 && o.From < e.From {
		e.From = o.From
	}
	e.To = max(e.To, o.To)
}

// Filter chooses what is listed. What is empty chooses everything.
type Filter struct {
	Day     string // 2026-01-31
	Topics  []string
	Symbols []string // VENUE:NAME
}

// where is the filter as conditions that hold of a table's columns; topics are not among them.
func (f Filter) where(symbols bool) string {
	text := "1"
	if f.Day != "" {
		text += " AND day = toDate(" + quote(f.Day) + ")"
	}
	if symbols && len(f.Symbols) > 0 {
		text += " AND symbol IN (" + quoted(f.Symbols) + ")"
	}
	return text
}

func (f Filter) topic(name string) bool {
	return len(f.Topics) == 0 || slices.Contains(f.Topics, name)
}

func quoted(list []string) string {
	var texts []string
	for _, s := range list {
		texts = append(texts, quote(s))
	}
	return strings.Join(texts, ", ")
}

// Days lists what is held, by day and topic, and in it by symbol.
func (db *DB) Days(ctx context.Context, f Filter) ([]Day, error) {
	logs, err := db.Logs(ctx)
	if err != nil {
		return nil, err
	}
	l := listing{db: db, filter: f, topics: map[uint64]string{}, days: map[[2]string]*Day{}}
	for _, h := range logs {
		l.topics[Number(h.LogID)] = h.Topic
	}
	for _, add := range []func(context.Context) error{l.records, l.trades, l.missing} {
		if err := add(ctx); err != nil {
			return nil, err
		}
	}
	var list []Day
	for _, d := range l.days {
		if !f.topic(d.Topic) || len(f.Symbols) > 0 && len(d.Symbols) == 0 {
			continue
		}
		slices.SortFunc(d.Symbols, func(a, b Symbol) int { return cmp.Compare(a.Name, b.Name) })
		list = append(list, *d)
	}
	slices.SortFunc(list, func(a, b Day) int { return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Topic, b.Topic)) })
	return list, nil
}

// listing is one call of Days.
type listing struct {
	db     *DB
	filter Filter
	topics map[uint64]string // by the numbers of logs of which a record is held
	days   map[[2]string]*Day
}

func (l *listing) day(day string, log uint64) *Day {
	key := [2]string{day, l.topics[log]}
	if l.days[key] == nil {
		l.days[key] = &Day{Day: day, Topic: l.topics[log]}
	}
	return l.days[key]
}

func (l *listing) records(ctx context.Context) error {
	query := "SELECT toString(day) AS d, log, symbol, sumMerge(records), sumMerge(bytes), minMerge(since), maxMerge(until) FROM " + l.db.Table("days") +
		" WHERE " + l.filter.where(true) + " GROUP BY d, log, symbol"
	return l.db.each(ctx, query, func(scan func(...any) error) error {
		var at, symbol string
		var log, records, bytes uint64
		var e Extent
		if err := scan(&at, &log, &symbol, &records, &bytes, &e.From, &e.To); err != nil {
			return err
		}
		if e.Records, e.Bytes = int64(records), int64(bytes); e.From == unknownTime {
			e.From = 0
		}
		l.day(at, log).add(symbol, e)
		return nil
	})
}

func (l *listing) trades(ctx context.Context) error {
	query := "SELECT toString(day) AS d, log, symbol, count() FROM " + l.db.Table("trades") + " WHERE " + l.filter.where(true) + " GROUP BY d, log, symbol"
	return l.db.each(ctx, query, func(scan func(...any) error) error {
		var at, symbol string
		var log, trades uint64
		if err := scan(&at, &log, &symbol, &trades); err != nil {
			return err
		}
		if l.topics[log] != "" { // trades are written before their records
			l.day(at, log).add(symbol, Extent{Trades: int64(trades)})
		}
		return nil
	})
}

// missing counts holes, each once, though it may have been written twice.
func (l *listing) missing(ctx context.Context) error {
	query := fmt.Sprintf("SELECT d, log, sum(to_offset - from_offset) FROM (SELECT DISTINCT if(clock > 0, toString(day), '') AS d, log, from_offset, to_offset FROM %s WHERE %s) GROUP BY d, log",
		l.db.Table("holes"), l.filter.where(false))
	return l.db.each(ctx, query, func(scan func(...any) error) error {
		var at string
		var log uint64
		var missing int64
		if err := scan(&at, &log, &missing); err != nil {
			return err
		}
		if l.topics[log] != "" {
			l.day(at, log).Missing += missing
		}
		return nil
	})
}

// add counts what is held of a symbol.
func (d *Day) add(symbol string, e Extent) {
	d.Extent.add(e)
	i := slices.IndexFunc(d.Symbols, func(s Symbol) bool { return s.Name == symbol })
	if i < 0 {
		i = len(d.Symbols)
		d.Symbols = append(d.Symbols, Symbol{Name: symbol})
	}
	d.Symbols[i].Extent.add(e)
}
