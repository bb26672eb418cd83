package e2e_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"tapedeck/wire/mirror"
)

// sessions are all recorded sessions of Binance.
var sessions = []session{
	{
		name: "spot", format: "binance", venue: "BINANCE", trades: "trade", checks: 1072,
		files: []string{"hftbacktest/spot_btcusdt_20240808", "hftbacktest/spot_btcusdt_20240809"},
	},
	{
		name: "spot-without-snapshot", format: "binance", venue: "BINANCE", trades: "trade",
		files: []string{"hftbacktest/spot_btcusdt_20230405"},
	},
	{
		name: "usdm-btc", format: "binance-usdm", venue: "BINANCE-USDM", trades: "trade", checks: 629,
		files: []string{"hftbacktest/usdm_btcusdt_20240808"},
	},
	{
		name: "usdm-btc-two-days", format: "binance-usdm", venue: "BINANCE-USDM", trades: "trade", checks: 625,
		files: []string{"hftbacktest/usdm_btcusdt_20240718", "hftbacktest/usdm_btcusdt_20240719"},
	},
	{
		name: "usdm-eth-two-days", format: "binance-usdm", venue: "BINANCE-USDM", trades: "trade", checks: 834,
		files: []string{"hftbacktest/usdm_ethusdt_20240718", "hftbacktest/usdm_ethusdt_20240719"},
	},
	{
		name: "coinm", format: "binance-coinm", venue: "BINANCE-COINM", trades: "trade", checks: 1885,
		files: []string{"hftbacktest/cm_btcusd_perp_20240808", "hftbacktest/cm_btcusd_perp_20240809"},
	},
	{
		name: "short-spot", format: "binance", venue: "BINANCE", trades: "aggTrade", checks: 20,
		files: []string{"cryptofeed/binance-spot"},
	},
	{
		name: "short-us", format: "binance", venue: "BINANCE", trades: "aggTrade", checks: 56,
		files: []string{"cryptofeed/binance-us"},
	},
	{
		name: "short-tr", format: "binance", venue: "BINANCE", trades: "aggTrade", checks: 25,
		files: []string{"cryptofeed/binance-tr"},
	},
	{
		name: "short-usdm", format: "binance-usdm", venue: "BINANCE-USDM", trades: "aggTrade", checks: 32,
		files: []string{"cryptofeed/binance-usdm"},
	},
	{
		name: "short-coinm", format: "binance-coinm", venue: "BINANCE-COINM", trades: "aggTrade", checks: 188,
		files: []string{"cryptofeed/binance-coinm"},
	},
	{
		name: "short-coinm-2021-04", format: "binance-coinm", venue: "BINANCE-COINM", trades: "aggTrade", checks: 322, wrong: 5,
		files: []string{"cryptofeed/binance-coinm-20210417"},
	},
}

// longChecks is how many of the checks are those of the long sessions, as their manifest has it.
const longChecks = 5045

// Every recorded session comes out of the WebSocket as it went into Kafka: no gap, every trade once and in
// order, and wherever a bookTicker has the update id of a depth event, the client's best bid and ask
// have its prices and sizes then.
func TestKafkaSessionsComeBackWhole(t *testing.T) {
	data(t)
	long := 0
	for _, s := range sessions {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			newShow(t, s).play()
		})
		if strings.HasPrefix(s.files[0], "hftbacktest") {
			long += s.checks
		}
	}
	if long != longChecks {
		t.Errorf("%d books of the long sessions are compared with a bookTicker, want %d", long, longChecks)
	}
}

// show is a session on its way through a broker and a node to one client, in step with it.
type show struct {
	*testing.T
	session session
	broker  *broker
	node    *node
	client  *client
	topic   string
	list    []*message
	quotes  map[string][4]string // by symbol and update id: bid, its size, ask, its size
	covered map[string]int64     // by symbol: the update id of the newest snapshot published
	rooms   map[string]string    // by the venue's symbol: ours
	batch   []*message
	marks   int
	gaps    []string
	ledger  *ledger
}

func newShow(t *testing.T, s session) *show {
	sh := &show{T: t, session: s, broker: brokerFor(t), quotes: map[string][4]string{}, covered: map[string]int64{}, rooms: map[string]string{}, ledger: newLedger()}
	sh.topic = sh.broker.topic(t, 1)
	sh.list = s.load(t, sh.topic, 0)
	for _, m := range sh.list {
		if name, q, ok := quoteOf(m); ok {
			sh.quotes[name] = q
		}
	}
	sh.node = setup{
		Name: s.name, Brokers: sh.broker.addrs, Warmup: forever,
		Topics: map[string]topicSetup{sh.topic: {s.format, s.trades}},
	}.start(t, nil).ready(t)
	sh.client = newClient(s.name, false)
	sh.client.each = func(m *mirror.Message, _ *mirror.Room) {
		if m.T == "gap" {
			sh.gaps = append(sh.gaps, string(m.Raw))
		}
	}
	sh.client.join(t, sh.node, "0", "trades:"+s.venue+":*", "quotes:"+s.venue+":*", "book:"+s.venue+":*", "ticker:"+s.venue+":*", "candles:"+s.venue+":*@1m")
	return sh
}

// play publishes the session. It waits for the client wherever there is a book to compare with a bookTicker, and
// often enough that nothing is folded out of reach.
func (sh *show) play() {
	checks, wrong := 0, 0
	for i, m := range sh.list {
		sh.batch = append(sh.batch, m)
		if m.native != "" {
			sh.covered[m.symbol] = number(m.value, `"lastUpdateId":`)
		}
		id := int64(0)
		if bytes.Contains(m.value, []byte(`"depthUpdate"`)) {
			id = number(m.value, `"u":`)
		}
		want, matches := sh.quotes[fmt.Sprint(m.symbol, id)]
		matches = matches && sh.covered[m.symbol] > 0 && id >= sh.covered[m.symbol]
		if matches || len(sh.batch) >= 500 || i < 500 && len(sh.batch) >= 20 {
			sh.pass()
		}
		if !matches {
			continue
		}
		checks++
		if differs := sh.compare(m.symbol, want); differs != "" {
			if wrong++; wrong > sh.session.wrong {
				sh.Errorf("offset %d: %s", m.offset, differs)
			}
		}
	}
	sh.pass()
	if checks != sh.session.checks || wrong != sh.session.wrong {
		sh.Errorf("%d books were compared and %d of them differed, want %d and %d", checks, wrong, sh.session.checks, sh.session.wrong)
	}
	sh.end()
}

// pass publishes what has gathered, and behind it a trade of a symbol of its own: when the client has that,
// it has all before it.
func (sh *show) pass() {
	sh.marks++
	at := sh.list[0].time
	if n := len(sh.batch); n > 0 {
		at = sh.batch[n-1].time
	}
	symbol, pair, id := "MARKUSDT", "", "t"
	if sh.session.venue == "BINANCE-COINM" {
		symbol, pair = "MARKUSD_PERP", `"ps":"MARKUSD",`
	}
	if sh.session.trades == "aggTrade" {
		id = "a"
	}
	mark := &message{topic: sh.topic, key: symbol, time: at, symbol: symbol, trade: fmt.Sprint(sh.marks), value: fmt.Appendf(nil,
		`{"stream":"mark","data":{"e":%q,"E":%d,"s":%q,%s%q:%d,"p":"1","q":"1","f":1,"l":1,"T":%d,"X":"MARKET","m":false}}`,
		sh.session.trades, at/1000, symbol, pair, id, sh.marks, at/1000)}
	sh.batch = append(sh.batch, mark)
	sh.broker.publish(sh, sh.ledger, sh.batch...)
	sh.batch = sh.batch[:0]
	sh.must(sh.client.until("the mark has arrived", func(m *mirror.Mirror) bool {
		r := m.Rooms["trades:"+sh.session.venue+":"+sh.ours(symbol)]
		return r != nil && len(r.Trades) > 0 && r.Trades[len(r.Trades)-1].ID == mark.trade
	}))
}

func (sh *show) must(err error) {
	sh.Helper()
	if err != nil {
		sh.Fatal(err)
	}
}

// ours returns our name of a symbol, "" while the node knows none.
func (sh *show) ours(native string) string {
	if sh.rooms[native] == "" {
		for ours, theirs := range sh.node.natives(sh) {
			sh.rooms[theirs] = strings.TrimPrefix(ours, sh.session.venue+":")
		}
	}
	return sh.rooms[native]
}

// compare says how the client's best bid and ask differ from a bookTicker.
func (sh *show) compare(native string, want [4]string) string {
	name := "book:" + sh.session.venue + ":" + sh.ours(native)
	look := func() string {
		sh.client.mu.Lock()
		defer sh.client.mu.Unlock()
		r := sh.client.known.Rooms[name]
		if r == nil || !r.Has || r.State != "live" {
			return name + " is not live"
		}
		var have [4]string
		if have[0], have[1], have[2], have[3] = r.Best(); have != want {
			return fmt.Sprintf("%s has %v, its bookTicker %v", name, have, want)
		}
		return ""
	}
	differs := look()
	if differs != "" { // a frame that was full leaves the rest to the next
		_, err := sh.client.call(map[string]any{"op": "ping"})
		sh.must(err)
		differs = look()
	}
	return differs
}

// end looks at what is left when all is said.
func (sh *show) end() {
	if len(sh.gaps) > 0 {
		sh.Errorf("%d gaps: %s", len(sh.gaps), sh.gaps[0])
	}
	natives := sh.node.natives(sh)
	published, told := 0, 0
	for _, log := range sh.ledger.homes {
		for _, trades := range log {
			published += len(trades)
		}
	}
	for room, tape := range sh.client.tapes {
		if err := sh.ledger.check(tape, natives[sh.session.venue+":"+symbolOf(room)]); err != nil {
			sh.Error(err)
		}
		told += tape.trades() + len(tape.said[0].ids)
	}
	if told != published {
		sh.Errorf("%d trades were told, %d published", told, published)
	}
	for name, r := range sh.client.known.Rooms {
		sh.settled(name, r)
	}
	sh.Logf("%d records, %d trades, %d rooms", len(sh.list), told, len(sh.client.known.Rooms))
}

// settled holds what the client knows of a room against what the node says.
func (sh *show) settled(name string, r *mirror.Room) {
	want, state := sh.node.truth(sh, name)
	isBook, neverGood := strings.HasPrefix(name, "book:"), sh.covered[sh.node.natives(sh)[sh.session.venue+":"+symbolOf(name)]] == 0
	switch {
	case isBook && neverGood:
		if state == "live" || r.Has || r.State == "live" {
			sh.Errorf("%s had no snapshot, and yet: node %s, client %s with %d levels", name, state, r.State, len(r.Bids))
		}
	case want == nil:
		sh.Errorf("%s is %s", name, state)
	default:
		if d := r.Differ(want); d != "" {
			sh.Errorf("%s: %s", name, d)
		}
	}
}

// quoteOf returns the prices and sizes of a bookTicker, with its symbol and update id as their name.
func quoteOf(m *message) (name string, q [4]string, ok bool) {
	if !bytes.Contains(m.value, []byte(`@bookTicker"`)) {
		return "", q, false
	}
	for i, key := range []string{`"b":"`, `"B":"`, `"a":"`, `"A":"`} {
		q[i] = plain(field(m.value, key))
	}
	return fmt.Sprint(m.symbol, number(m.value, `"u":`)), q, true
}
