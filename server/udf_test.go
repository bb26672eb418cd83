package server

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tapedeck/feed"
	"tapedeck/market"
	"tapedeck/snapshot"
	"tapedeck/subscriptions"
	"tapedeck/wire/mirror"
)

// bars is an answer of /udf/history. Numbers stay the text that they are.
type bars struct {
	S             string
	T             []int64
	O, H, L, C, V []json.Number
	NextTime      int64
	ErrMsg        string
	Cursor        *struct {
		Room, Epoch string
		Seq         uint64
	}
}

func history(t testing.TB, n *node, query string, args ...any) (b bars) {
	t.Helper()
	status, body, _ := get(t, n, "/udf/history?"+fmt.Sprintf(query, args...))
	if err := json.Unmarshal([]byte(body), &b); err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %v: %.300s", query, status, err, body)
	}
	return b
}

// chart is bars by their start (s), as text: open, high, low, close, volume.
type chart map[int64]string

func (b *bars) chart(t testing.TB) chart {
	t.Helper()
	c := chart{}
	for i, at := range b.T {
		if i > 0 && b.T[i-1] >= at {
			t.Errorf("bars are not in order, or doubled: %d after %d", at, b.T[i-1])
		}
		c[at] = fmt.Sprint(b.O[i], " ", b.H[i], " ", b.L[i], " ", b.C[i], " ", b.V[i])
	}
	return c
}

// take folds a candle of the stream in, as a front end does, and reports what the chart had.
func (c chart) take(k *mirror.Candle) (was string) {
	at := k.Start / 1e6
	was = c[at]
	c[at] = fmt.Sprint(k.O, " ", k.H, " ", k.L, " ", k.C, " ", k.V)
	return was
}

// floor is a venue whose trades come at times of the test's own, some of them late, with what their candles have to be.
type floor struct {
	tp    *tape
	r     *rand.Rand
	clock int64 // log time
	id    int

	mu    sync.Mutex
	deals []market.Trade
}

func newFloor(tp *tape, seed uint64) *floor {
	return &floor{tp: tp, r: rand.New(rand.NewPCG(seed, 9)), clock: 1_700_006_400e6 - 1800e6}
}

// deal makes a trade 0 to 25 s after the one before; one in ten is up to 50 s late.
func (f *floor) deal() {
	f.tp.mu.Lock()
	f.clock += f.r.Int64N(25e6)
	f.tp.mu.Unlock()
	at := f.clock
	if f.r.IntN(10) == 0 {
		at -= f.r.Int64N(50e6)
	}
	price, qty := fmt.Sprintf("%d.%02d", 100+f.r.IntN(9), f.r.IntN(100)), fmt.Sprintf("0.%03d00", 1+f.r.IntN(999))
	f.id++
	f.mu.Lock()
	f.deals = append(f.deals, market.Trade{Price: market.MustDecimal(price), Qty: market.MustDecimal(qty), Time: at})
	f.mu.Unlock()
	f.tp.addAt(0, f.clock, "deal BTC-USD %d %s %s %d", f.id, price, qty, at)
}

// told is all deals up to a seq.
func (f *floor) told(seq int) []market.Trade {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.deals[:seq]
}

// candlesOf makes those of a width as a naive reader does.
func candlesOf(deals []market.Trade, width int64) (list []market.Candle) {
	byStart := map[int64][]market.Trade{}
	for _, d := range deals {
		start := d.Time - d.Time%width
		byStart[start] = append(byStart[start], d)
	}
	for start, deals := range byStart {
		c := market.Candle{Start: start, Width: width, Trades: int64(len(deals)), High: deals[0].Price, Low: deals[0].Price, Final: true}
		var volume, quote market.Sum
		first, last := deals[0], deals[0]
		for _, d := range deals {
			if d.Time < first.Time {
				first = d
			}
			if d.Time >= last.Time {
				last = d
			}
			if d.Price.Cmp(c.High) > 0 {
				c.High = d.Price
			}
			if d.Price.Cmp(c.Low) < 0 {
				c.Low = d.Price
			}
			volume.Add(d.Qty)
			quote.AddProduct(d.Price, d.Qty)
		}
		c.Open, c.Close, c.Volume, c.QuoteVolume = first.Price, last.Price, volume.Decimal(), quote.Decimal()
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b market.Candle) int { return cmp.Compare(a.Start, b.Start) })
	return list
}

func chartOf(deals []market.Trade, width int64) chart {
	c := chart{}
	for _, k := range candlesOf(deals, width) {
		c[k.Start/1e6] = fmt.Sprint(k.Open, " ", k.High, " ", k.Low, " ", k.Close, " ", k.Volume)
	}
	return c
}

// Minutes implements feed.Candles: an archive that has every minute that is over, as a recorder that is in step has.
func (f *floor) Minutes(_ context.Context, symbol string, before int64, limit int) (list []market.Candle, err error) {
	f.tp.mu.Lock()
	over, deals := snapshot.Over(f.clock), f.told(len(f.tp.parts[0]))
	f.tp.mu.Unlock()
	for _, c := range slices.Backward(candlesOf(deals, 60e6)) {
		if c.Start < before && c.Start+60e6 <= over && symbol == "TEST:BTC-USD" && len(list) < limit {
			list = append(list, c)
		}
	}
	return list, nil
}

// Symbols implements feed.Candles.
func (f *floor) Symbols(context.Context) ([]string, error) {
	return []string{"OLD:DOGE-USD", "TEST:BTC-USD"}, nil
}

// viewer has a history and continues it by its cursor.
type viewer struct {
	*client
	chart     chart
	room      string
	recovered bool
}

func view(t *testing.T, n *node, f *floor, resolution string, width int64) *viewer {
	v := &viewer{client: greet(t, n, "")}
	h := history(t, n, "symbol=TEST:BTC-USD&resolution=%s&countback=5000", resolution)
	v.chart, v.room = h.chart(t), h.Cursor.Room
	if want := chartOf(f.told(int(h.Cursor.Seq)), width); !maps.Equal(v.chart, want) {
		t.Errorf("%s at %d: %d bars, want %d\n%v\n%v", v.room, h.Cursor.Seq, len(v.chart), len(want), v.chart, want)
	}
	v.mu.Lock()
	r := v.known.Room(v.room)
	r.Has, r.Epoch, r.Seq, r.Candles = true, h.Cursor.Epoch, h.Cursor.Seq, map[int64]mirror.Candle{}
	note := v.known.Message
	v.known.Message = func(m *mirror.Message, r *mirror.Room) {
		note(m, r)
		if m.T != "update" && m.T != "snapshot" {
			return
		}
		var list []mirror.Candle
		if err := json.Unmarshal(m.D, &list); err != nil {
			t.Error(err)
		}
		for _, k := range list {
			if was := v.chart.take(&k); m.T == "update" && was == v.chart[k.Start/1e6] && !k.Final {
				t.Errorf("%s: the candle at %d was told twice: %s", v.room, k.Start/1e6, was)
			}
		}
	}
	v.mu.Unlock()
	v.say(`{"op":"subscribe","id":1,"rooms":[{"room":%q,"since":{"epoch":%q,"seq":%d}}],"interval":%q}`, v.room, h.Cursor.Epoch, h.Cursor.Seq, []string{"0", "50ms"}[len(resolution)%2])
	answer := v.answer("1")
	v.recovered = len(answer.Rooms) == 1 && answer.Rooms[0].Recovered != nil && *answer.Rooms[0].Recovered
	return v
}

func (v *viewer) check(want chart, seq int) {
	v.t.Helper()
	v.at(v.room, uint64(seq))
	v.mu.Lock()
	defer v.mu.Unlock()
	for at, bar := range want {
		if v.chart[at] != bar {
			v.t.Errorf("%s: the bar at %d is %q, want %q", v.room, at, v.chart[at], bar)
		}
	}
	for at, bar := range v.chart {
		if want[at] == "" {
			v.t.Errorf("%s: there is a bar at %d, %s, where nothing was traded", v.room, at, bar)
		}
	}
}

var udfWidths = []struct {
	resolution string
	width      int64
}{{"1", 60e6}, {"5", 300e6}, {"60", 3600e6}, {"1D", 86400e6}}

// A history, and the stream from its cursor on, are all candles there are: none is missing, none told twice, wherever the cut lies
// and while trades flow.
func TestUDFHistoryAndStreamAreWhole(t *testing.T) {
	tp := newTape(1)
	n := run(t, tp)
	f := newFloor(tp, 1)
	for range 50 {
		f.deal()
	}
	stop := flow(f)
	var viewers []*viewer
	for i := range 24 {
		at := len(tp.length(0))
		until(t, "trades flow", func() bool { return len(tp.length(0)) > at+f.r2(i) })
		viewers = append(viewers, view(t, n, f, udfWidths[i%4].resolution, udfWidths[i%4].width))
	}
	stop()
	for i, v := range viewers {
		if !v.recovered {
			t.Errorf("%s: the cursor was not continued", v.room)
		}
		v.check(chartOf(f.deals, udfWidths[i%4].width), len(tp.length(0)))
	}
}

// The same where the room does not know the past, and an archive does: a bar that began before the node did is made of both.
func TestUDFHistoryReachesIntoTheArchive(t *testing.T) {
	tp := newTape(1)
	f := newFloor(tp, 2)
	for range 3000 {
		f.deal()
	}
	pl := tp.player()
	pl.from = 2800 // some 35 minutes before the end
	n := start(t, pl, func(c *Config) { c.Candles = f })
	<-pl.began
	stop := flow(f)
	var viewers []*viewer
	for i := range 12 {
		viewers = append(viewers, view(t, n, f, udfWidths[i%2].resolution, udfWidths[i%2].width))
	}
	stop()
	for i, v := range viewers {
		v.check(chartOf(f.deals, udfWidths[i%2].width), len(tp.length(0)))
	}
	for _, w := range udfWidths { // an hour or a day that the room withholds, up to what is there now
		want := chartOf(f.deals, w.width)
		if first := candlesOf(f.deals, 60e6)[0].Start; first%w.width != 0 { // nobody knows what was before the archive's first minute
			delete(want, (first-first%w.width)/1e6)
		}
		for _, count := range []int{1, 2, 7, 100, 5000} {
			got := history(t, n, "symbol=TEST:BTC-USD&resolution=%s&countback=%d", w.resolution, count)
			if len(got.T) != min(count, len(want)) {
				t.Errorf("%s: %d bars, want %d of %d", w.resolution, len(got.T), count, len(want))
			}
			for at, bar := range got.chart(t) {
				if want[at] != bar {
					t.Errorf("%s, %d bars: at %d %s, want %s", w.resolution, count, at, bar, want[at])
				}
			}
		}
		all := history(t, n, "symbol=TEST:BTC-USD&resolution=%s&from=0", w.resolution)
		for range 15 {
			i := f.r.IntN(len(all.T))
			from, to := all.T[i]-f.r.Int64N(2)*f.r.Int64N(w.width/1e6), all.T[i]+1+f.r.Int64N(20)*w.width/1e6
			got, wanted := history(t, n, "symbol=TEST:BTC-USD&resolution=%s&from=%d&to=%d", w.resolution, from, to), 0
			for _, at := range all.T {
				if at >= from && at < to {
					wanted++
				}
			}
			if len(got.T) != wanted || got.T[0] < from || got.T[len(got.T)-1] >= to {
				t.Errorf("%s from %d to %d: bars at %v, want %d", w.resolution, from, to, got.T, wanted)
			}
		}
	}
}

// flow lets trades flow until the returned function is called.
func flow(f *floor) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			f.deal()
			time.Sleep(time.Millisecond)
		}
	})
	return func() { cancel(); done.Wait() }
}

func (tp *tape) length(p int) []feed.Record {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	return tp.parts[p]
}

// r2 is how many records a cut lies behind the one before.
func (f *floor) r2(i int) int { return (i * 7919) % 29 }

// Numbers are the venue's digits, and what cannot be is said as UDF has it.
func TestUDFAnswers(t *testing.T) {
	tp := newTape(1)
	n := run(t, tp, func(c *Config) {
		c.Widths = []string{"1d", "1m", "1h"}
		c.Instruments = []subscriptions.Listed{{
			Symbol: &market.Symbol{Venue: "TEST", Name: "LISTED", Native: "L-1"},
			Facts:  market.Instrument{Tick: market.MustDecimal("0.2500"), Lot: market.MustDecimal("0.001")},
		}}
	})
	tp.addAt(0, 1_700_000_000e6, "deal BTC-USD 1 37000.10 0.00150000 1700000000000000")
	tp.addAt(0, 1_700_000_200e6, "deal BTC-USD 2 37000.20 0.5 1700000200000000")
	for _, tt := range []struct {
		path   string
		status int
		want   string
	}{
		{"/udf/config", 200, `"supported_resolutions":["1","60","1D"]`},
		{"/udf/config", 200, `{"value":"TEST","name":"TEST","desc":"TEST"}`},
		{"/udf/symbols?symbol=TEST:BTC-USD", 200, `"minmov":1,"pricescale":10,"has_intraday":true,"has_daily":true,"intraday_multipliers":["1","60"]`},
		{"/udf/symbols?symbol=TEST:NONE", 404, `{"errmsg":"unknown_symbol","s":"error"}`},
		{"/udf/symbols?symbol=BTC-USD", 404, `"s":"error"`},
		{"/udf/symbols", 404, `"s":"error"`},
		{"/udf/search?query=btc&limit=1", 200, `[{"symbol":"TEST:BTC-USD",`},
		{"/udf/search?query=btc&exchange=OTHER", 200, `[]`},
		{"/udf/search?query=btc&type=option", 200, `[]`},
		{"/udf/search?query=&limit=none", 400, `limit is from 1 to`},
		{"/udf/history?symbol=TEST:BTC-USD&resolution=1&from=1699999980&to=1700000100", 200,
			`{"s":"ok","t":[1699999980],"o":[37000.10],"h":[37000.10],"l":[37000.10],"c":[37000.10],"v":[0.00150000],"cursor":{"room":"candles:TEST:BTC-USD@1m","epoch":"epoch0","seq":2}}`},
		{"/udf/history?symbol=TEST:BTC-USD&resolution=1D&countback=1", 200, `"t":[1699920000]`},
		{"/udf/history?symbol=TEST:BTC-USD&resolution=D&countback=1", 200, `"v":[0.50150000]`},
		{"/udf/history?symbol=TEST:BTC-USD&resolution=1&from=1700000040&to=1700000100", 200, `{"s":"no_data","nextTime":1699999980,`},
		{"/udf/history?symbol=TEST:BTC-USD&resolution=1&from=1600000000&to=1600000100", 200, `{"s":"no_data","cursor":`},
		{"/udf/history?symbol=TEST:NONE&resolution=1&countback=5", 200, `{"s":"no_data","cursor":{"room":"candles:TEST:NONE@1m","epoch":"","seq":0}}`},
		{"/udf/history?symbol=NOWHERE:NONE&resolution=1&countback=5", 404, `unknown_symbol`},
		{"/udf/history?symbol=TEST:BTC-USD&resolution=7&countback=5", 400, `resolution is one of 1, 60, 1D`},
		{"/udf/history?symbol=TEST:BTC-USD&resolution=1&from=5&to=5", 400, `from does not lie before to`},
		{"/udf/history?symbol=TEST:BTC-USD&resolution=1&from=-5&to=5", 400, `s since 1970`},
		{"/udf/history?symbol=TEST:BTC-USD&resolution=1&from=5&to=9999999999999999", 400, `s since 1970`},
		{"/udf/history?symbol=TEST:BTC-USD&resolution=1&countback=many", 400, `a number of bars`},
		{"/udf/symbols?symbol=TEST:LISTED", 200, `"minmov":25,"pricescale":100,`},
		{"/udf/symbols?symbol=TEST:LISTED", 200, `"volume_precision":3,`},
		{"/udf/symbols?symbol=TEST:L-1", 404, `here it is TEST:LISTED`},
	} {
		if status, body, _ := get(t, n, tt.path); status != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s: %d %s\nwant %d %s", tt.path, status, body, tt.status, tt.want)
		}
	}
	own := "http://" + n.Addr().String()
	if _, _, h := get(t, n, "/udf/config", "Origin", own); h.Get("Access-Control-Allow-Origin") != own {
		t.Error("our own page must not read it")
	}
	if status, _, _ := get(t, n, "/udf/history?symbol=TEST:BTC-USD&resolution=1&countback=5", "Origin", "https://evil.example"); status != http.StatusForbidden {
		t.Error("a foreign page may read it")
	}
}

// silent is an archive that does not answer.
type silent struct{ feed.Candles }

func (silent) Minutes(context.Context, string, int64, int) ([]market.Candle, error) {
	return nil, context.DeadlineExceeded
}
func (silent) Symbols(context.Context) ([]string, error) { return nil, context.DeadlineExceeded }

// What only an archive has is found; one that does not answer is no reason to give less than there is as if it were all.
func TestUDFArchives(t *testing.T) {
	tp := newTape(1)
	f := newFloor(tp, 3)
	n := run(t, tp, func(c *Config) { c.Candles = f })
	for range 100 {
		f.deal()
	}
	for path, want := range map[string]string{
		"/udf/search?query=doge":           `"symbol":"OLD:DOGE-USD"`,
		"/udf/symbols?symbol=OLD:DOGE-USD": `"exchange":"OLD"`,
	} {
		if status, body, _ := get(t, n, path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if old := history(t, n, "symbol=OLD:DOGE-USD&resolution=1&countback=10"); old.S != "no_data" || old.Cursor != nil {
		t.Errorf("what is not live: %+v", old)
	}
	mute := run(t, tp, func(c *Config) { c.Candles = silent{} })
	if status, body, h := get(t, mute, "/udf/history?symbol=TEST:BTC-USD&resolution=1&countback=5000"); status != http.StatusServiceUnavailable || h.Get("Retry-After") == "" || !strings.Contains(body, "does not answer") {
		t.Errorf("an archive that is away: %d %s", status, body)
	}
	if b := history(t, mute, "symbol=TEST:BTC-USD&resolution=1&countback=3"); len(b.T) != 3 {
		t.Errorf("what the room has: %d bars", len(b.T))
	}
}
