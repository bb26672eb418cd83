// Package udf answers TradingView's Universal Data Feed: which symbols there are, and the bars of one. Bars come from the rooms, and where those
// do not reach back from an archive of minutes; a bar's numbers are the venue's digits, written as JSON numbers without a float in between.
package udf

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tapedeck/feed"
	"tapedeck/market"
	"tapedeck/snapshot"
	"tapedeck/subscriptions"
)

// Feed answers requests. Its methods may be called from several goroutines.
type Feed struct {
	hub     *subscriptions.Hub
	archive feed.Candles
	widths  []string
	reading chan struct{} // taken by those who read the archive's bars

	mu     sync.Mutex
	listed []string  // the archive's symbols
	asked  time.Time // when
}

// New returns a feed of a hub's candles of these widths, and of an archive's; nil: there is none.
func New(hub *subscriptions.Hub, archive feed.Candles, widths []string) *Feed {
	return &Feed{hub: hub, archive: archive, widths: widths, reading: make(chan struct{}, readers)}
}

// readers is how many histories are read from the archive at the same time.
const readers = 2

// Answer is an answer over HTTP, in JSON.
type Answer struct {
	Status int
	Body   []byte
	Retry  bool // the same may succeed later
}

// refuse is an answer as UDF has it for what went wrong.
func refuse(status int, message string) Answer {
	a := answer(map[string]string{"s": "error", "errmsg": message})
	a.Status, a.Retry = status, status == http.StatusServiceUnavailable
	return a
}

func answer(v any) Answer {
	body, err := json.Marshal(v)
	if err != nil {
		return Answer{http.StatusInternalServerError, []byte(`{"s":"error","errmsg":"internal"}`), false}
	}
	return Answer{http.StatusOK, body, false}
}

// resolutions are the widths by the names that UDF has for them, shortest first.
func (f *Feed) resolutions() (names []string) {
	widths := slices.Clone(f.widths)
	slices.SortFunc(widths, func(a, b string) int { return int(snapshot.Widths[a]/minute - snapshot.Widths[b]/minute) })
	for _, w := range widths {
		names = append(names, resolution(w))
	}
	return names
}

const (
	second = int64(1e6)
	minute = 60 * second
)

// resolution is a width's name in UDF: minutes, or 1D.
func resolution(width string) string {
	if width == "1d" {
		return "1D"
	}
	return strconv.FormatInt(snapshot.Widths[width]/minute, 10)
}

// width is the width that a resolution names, if it is on offer.
func (f *Feed) width(name string) (string, bool) {
	if name == "D" {
		name = "1D"
	}
	i := slices.IndexFunc(f.widths, func(w string) bool { return resolution(w) == name })
	if i < 0 {
		return "", false
	}
	return f.widths[i], true
}

type named struct {
	Value string `json:"value"`
	Name  string `json:"name"`
	Desc  string `json:"desc,omitempty"`
}

// Config says what the feed can do.
func (f *Feed) Config() Answer {
	exchanges, kinds := []named{{"", "All exchanges", "All"}}, []named{{"", "All types", ""}}
	for _, v := range f.hub.Venues() {
		exchanges = append(exchanges, named{v, v, v})
	}
	for k := market.Spot; k <= market.Option; k++ {
		kinds = append(kinds, named{k.String(), k.String(), ""})
	}
	return answer(map[string]any{
		"supports_search": true, "supports_group_request": false, "supports_marks": false, "supports_timescale_marks": false, "supports_time": true,
		"supported_resolutions": f.resolutions(), "exchanges": exchanges, "symbols_types": kinds,
	})
}

// patience is how long the archive may take.
const patience = 10 * time.Second

// archived lists the archive's symbols, as they were up to a minute ago.
func (f *Feed) archived(ctx context.Context) ([]string, error) {
	if f.archive == nil {
		return nil, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.asked) < time.Minute {
		return f.listed, nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	list, err := f.archive.Symbols(ctx)
	if err == nil {
		f.listed, f.asked = list, time.Now()
	}
	return list, err
}

const away = "the archive does not answer: try again"

// Symbol describes one symbol.
func (f *Feed) Symbol(ctx context.Context, name string) Answer {
	room, ok := parse(name)
	if !ok {
		return refuse(http.StatusNotFound, "unknown_symbol: a symbol is VENUE:SYMBOL, as in BINANCE:BTC-USDT")
	}
	if right := f.hub.Misnamed(room); right != nil {
		return refuse(http.StatusNotFound, "unknown_symbol: here it is "+write(right.Venue, right.Name))
	}
	list := f.hub.Symbols()
	i := slices.IndexFunc(list, func(l subscriptions.Listed) bool { return l.Venue == room.Venue && l.Name == room.Symbol })
	if i >= 0 {
		return answer(f.describe(&list[i], f.recent(ctx, room)))
	}
	held, err := f.archived(ctx)
	switch {
	case err != nil:
		return refuse(http.StatusServiceUnavailable, away)
	case !slices.Contains(held, room.Venue+":"+room.Symbol):
		return refuse(http.StatusNotFound, "unknown_symbol")
	}
	bare := subscriptions.Listed{Symbol: &market.Symbol{Venue: room.Venue, Name: room.Symbol, Native: room.Symbol}}
	return answer(f.describe(&bare, f.recent(ctx, room)))
}

// parse reads VENUE:SYMBOL, written as in a room's name.
func parse(name string) (room market.Room, ok bool) {
	room, wild, ok := market.ParseRoom("candles:" + name + "@" + snapshot.Minute)
	return room, ok && !wild
}

// write is parse's other way.
func write(venue, symbol string) string {
	room := market.Room{Channel: market.Trades, Venue: venue, Symbol: symbol}
	return strings.TrimPrefix(room.String(), market.Trades.String()+":")
}

// recent are some of a symbol's newest candles, by which one sees its decimals; none if there are none.
func (f *Feed) recent(ctx context.Context, room market.Room) []market.Candle {
	if list, _, _, _ := f.hub.Candles(room); len(list) > 0 {
		return list[max(len(list)-few, 0):]
	}
	if f.archive == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	list, _ := f.archive.Minutes(ctx, room.Venue+":"+room.Symbol, 1<<53, few) // without them, whole numbers are shown
	return list
}

const few = 30

type symbol struct {
	Name        string   `json:"name"`
	Ticker      string   `json:"ticker"`
	Full        string   `json:"full_name"`
	Description string   `json:"description"`
	Type        string   `json:"type"`
	Session     string   `json:"session"`
	Timezone    string   `json:"timezone"`
	Exchange    string   `json:"exchange"`
	Listed      string   `json:"listed_exchange"`
	Currency    string   `json:"currency_code,omitempty"`
	Format      string   `json:"format"`
	MinMove     int64    `json:"minmov"`
	PriceScale  int64    `json:"pricescale"`
	Intraday    bool     `json:"has_intraday"`
	Daily       bool     `json:"has_daily"`
	Multipliers []string `json:"intraday_multipliers"`
	Resolutions []string `json:"supported_resolutions"`
	Volume      int      `json:"volume_precision"`
	Status      string   `json:"data_status"`
}

func (f *Feed) describe(l *subscriptions.Listed, recent []market.Candle) symbol {
	name := write(l.Venue, l.Name)
	all := f.resolutions()
	intraday := slices.DeleteFunc(slices.Clone(all), func(r string) bool { return r == "1D" })
	s := symbol{
		Name: name, Ticker: name, Full: name, Description: l.Native, Type: l.Kind.String(), Session: "24x7", Timezone: "Etc/UTC",
		Exchange: l.Venue, Listed: l.Venue, Currency: l.Quote, Format: "price",
		Intraday: len(intraday) > 0, Daily: len(intraday) < len(all), Multipliers: intraday, Resolutions: all,
		Status: "streaming",
	}
	decimals := 0
	for i := range recent {
		c := &recent[i]
		s.Volume = max(s.Volume, used(c.Volume))
		decimals = max(decimals, used(c.Open), used(c.High), used(c.Low), used(c.Close))
	}
	if l.Facts.Lot.Set() {
		s.Volume = used(l.Facts.Lot)
	}
	s.MinMove, s.PriceScale = steps(l.Facts.Tick, decimals)
	return s
}

// plain is a number without the zeros at its end: its digits, and how many of them are decimals.
func plain(d market.Decimal) (digits string, decimals int) {
	text := d.String()
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	whole, part, _ := strings.Cut(text, ".")
	return whole + part, len(part)
}

// used is how many decimals a number needs. Venues write as many zeros behind it as they like.
func used(d market.Decimal) int {
	_, n := plain(d)
	return n
}

// steps returns the least move of a price as UDF has it: minmov / pricescale. Where the least step is not known, it is one of the last of
// so many decimals.
func steps(tick market.Decimal, decimals int) (move, scale int64) {
	digits, n := plain(tick)
	move, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || move < 1 || n > maxScale {
		move, n = 1, min(decimals, maxScale)
	}
	scale = 1
	for range n {
		scale *= 10
	}
	return move, scale
}

// maxScale is how many decimals a pricescale may have: charts reckon it in floats.
const maxScale = 15

type found struct {
	Symbol      string `json:"symbol"`
	Full        string `json:"full_name"`
	Description string `json:"description"`
	Exchange    string `json:"exchange"`
	Ticker      string `json:"ticker"`
	Type        string `json:"type"`
}

// maxFound bounds a search's answer.
const maxFound = 1000

// Search lists symbols, by name, whose name has text in it, here or at the venue; of one venue or kind where those are given.
func (f *Feed) Search(ctx context.Context, text, exchange, kind, limit string) Answer {
	n := 30
	if limit != "" {
		var err error
		if n, err = strconv.Atoi(limit); err != nil || n < 1 || n > maxFound {
			return refuse(http.StatusBadRequest, "limit is from 1 to "+strconv.Itoa(maxFound))
		}
	}
	list := f.hub.Symbols()
	held, _ := f.archived(ctx) // while it does not answer, what is live is found
	for _, name := range held {
		venue, sym, _ := strings.Cut(name, ":")
		if !slices.ContainsFunc(list, func(l subscriptions.Listed) bool { return l.Venue == venue && l.Name == sym }) {
			list = append(list, subscriptions.Listed{Symbol: &market.Symbol{Venue: venue, Name: sym, Native: sym}})
		}
	}
	text = strings.ToLower(text)
	out := []found{}
	for _, l := range list {
		name := write(l.Venue, l.Name)
		switch {
		case exchange != "" && exchange != l.Venue, kind != "" && kind != l.Kind.String(),
			!strings.Contains(strings.ToLower(name), text) && !strings.Contains(strings.ToLower(l.Native), text),
			len(out) > 0 && out[len(out)-1].Symbol == name: // two of the venue's names for it
			continue
		case len(out) < n:
			out = append(out, found{name, name, l.Native, l.Venue, name, l.Kind.String()})
		}
	}
	return answer(out)
}
