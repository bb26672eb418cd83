package venue_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue"
	"tapedeck/market"
)

// recordings says which formats a recorded session is of; "" is a venue that we have no decoder for.
var recordings = map[string]string{
	"cryptofeed/binance-coinm": "binance-coinm", "cryptofeed/binance-coinm-20210417": "binance-coinm",
	"cryptofeed/binance-spot": "binance", "cryptofeed/binance-tr": "binance", "cryptofeed/binance-us": "binance",
	"cryptofeed/binance-usdm": "binance-usdm",
	"cryptofeed/bitfinex-v2":  "bitfinex", "cryptofeed/bitget-v1": "bitget bitget-usdt", "cryptofeed/bitmex": "bitmex",
	"cryptofeed/bitstamp": "bitstamp", "cryptofeed/bybit-v5-linear-20250613": "bybit-linear",
	"cryptofeed/bybit-v5-spot-20250613": "bybit-spot", "cryptofeed/coinbase-exchange": "coinbase",
	"cryptofeed/deribit-v2": "deribit", "cryptofeed/gateio-futures-v4": "gate-futures", "cryptofeed/gateio-spot-v4": "gate",
	"cryptofeed/gemini-v2": "gemini", "cryptofeed/htx-spot": "htx", "cryptofeed/htx-swap": "htx-swap",
	"cryptofeed/kraken-futures-v1": "kraken-futures", "cryptofeed/kraken-spot-v1": "kraken-v1",
	"cryptofeed/kucoin-spot": "kucoin", "cryptofeed/okcoin-v5": "okx", "cryptofeed/okx-v5": "okx",
	"cryptofeed/okx-v5-20210722": "okx", "cryptofeed/okx-v5-20220227": "okx", "cryptofeed/upbit": "upbit",

	"hftbacktest/cm_btcusd_perp_20240808": "binance-coinm", "hftbacktest/cm_btcusd_perp_20240809": "binance-coinm",
	"hftbacktest/hyperliquid_btcusd_20250126": "hyperliquid",
	"hftbacktest/spot_btcusdt_20230405":       "binance", "hftbacktest/spot_btcusdt_20240808": "binance",
	"hftbacktest/spot_btcusdt_20240809": "binance", "hftbacktest/usdm_btcusdt_20240718": "binance-usdm",
	"hftbacktest/usdm_btcusdt_20240719": "binance-usdm", "hftbacktest/usdm_btcusdt_20240808": "binance-usdm",
	"hftbacktest/usdm_ethusdt_20240718": "binance-usdm", "hftbacktest/usdm_ethusdt_20240719": "binance-usdm",

	"cryptofeed/bybit-v2-legacy": "", // an API that the venue has taken away: v5 is in its place
	"cryptofeed/ascendex":        "", "cryptofeed/ascendex-futures": "", "cryptofeed/bequant": "", "cryptofeed/bit.com": "",
	"cryptofeed/bitflyer": "", "cryptofeed/bithumb": "", "cryptofeed/blockchain": "",
	"cryptofeed/delta": "", "cryptofeed/dydx-v3": "", "cryptofeed/fmfw": "", "cryptofeed/hitbtc-v2": "",
	"cryptofeed/independent-reserve": "", "cryptofeed/phemex": "", "cryptofeed/poloniex-v2": "", "cryptofeed/probit": "",
}

// samplesOf says which formats the messages of a folder of samples are of; "" is a venue that we have no decoder for.
var samplesOf = map[string]string{
	"binance-coinm": "binance-coinm", "binance-coinm-20210417": "binance-coinm", "binance-coinm-2024": "binance-coinm",
	"binance-fixtures": "binance binance-usdm binance-coinm", "binance-spot": "binance", "binance-spot-2024": "binance",
	"binance-tr": "binance", "binance-us": "binance", "binance-usdm": "binance-usdm", "binance-usdm-2024": "binance-usdm",
	"bitfinex-fixtures": "bitfinex", "bitfinex-v2": "bitfinex", "bitget-v1": "bitget bitget-usdt",
	"bitmex": "bitmex", "bitmex-fixtures": "bitmex", "bitstamp": "bitstamp",
	"bybit-v5-fixtures":        "bybit-spot bybit-linear bybit-inverse bybit-option",
	"bybit-v5-linear-20250613": "bybit-linear", "bybit-v5-spot-20250613": "bybit-spot",
	"coinbase-advanced-fixtures": "coinbase-advanced", "coinbase-exchange": "coinbase", "crypto.com-fixtures": "cryptocom",
	"deribit-v2": "deribit", "gateio-futures-v4": "gate-futures", "gateio-spot-v4": "gate", "gateio-v4-fixtures": "gate gate-futures",
	"gemini-v2": "gemini", "htx-fixtures": "htx htx-swap", "htx-spot": "htx", "htx-swap": "htx-swap",
	"hyperliquid-2025": "hyperliquid", "hyperliquid-fixtures": "hyperliquid",
	"kraken-fixtures": "kraken kraken-v1 kraken-futures", "kraken-futures-v1": "kraken-futures", "kraken-spot-v1": "kraken-v1",
	"kucoin-fixtures": "kucoin kucoin-futures", "kucoin-spot": "kucoin",
	"okcoin-v5": "okx", "okx-v5": "okx", "okx-v5-20210722": "okx", "okx-v5-20220227": "okx", "okx-v5-fixtures": "okx", "upbit": "upbit",

	"ascendex": "", "ascendex-futures": "", "bequant": "", "bit.com": "", "bitflyer": "", "bithumb": "", "blockchain": "",
	"bybit-v2-legacy": "", // an API that the venue has taken away: v5 is in its place
	"delta":           "", "dydx-v3": "", "fmfw": "", "hitbtc-v2": "", "independent-reserve": "",
	"phemex": "", "poloniex-v2": "", "probit": "",
}

// untold are the samples that are refused, and why there is nothing to tell of them.
var untold = map[string]refusal{
	"binance-fixtures/Spot_ExchangeData_RollingWindowTicker": {feed.UnknownKind, "of other windows than the rolling day"},
	"binance-fixtures/UsdFutures_AssetIndex":                 {feed.UnknownKind, "of a currency of margins, which is no instrument"},
	"binance-fixtures/UsdFutures_ContKlines":                 {feed.UnknownKind, "candles of whichever contract is the current one: each one's own are told"},
	"binance-fixtures/UsdFutures_Liquidations":               {feed.UnknownKind, "an order: what it trades comes among the trades"},
	"binance-fixtures/UsdFutures_TradeUpdate":                {feed.UnknownKind, "the user's own"},
	"bybit-v5-fixtures/V5_Linear_Liquidations":               {feed.UnknownKind, "an order: what it trades comes among the trades"},
	"bybit-v5-fixtures/V5_Spot_PriceLimit":                   {feed.UnknownKind, "what may be ordered: nothing is said of the market"},
	"hyperliquid-fixtures/Prices":                            {feed.UnknownKind, "middles of the best bids and asks, at which nobody trades, without a time"},
	"kucoin-fixtures/Futures_Announcement":                   {feed.UnknownKind, "funding that was settled: what comes next is told by another topic"},
	"kucoin-fixtures/Futures_FundingSettlement":              {feed.UnknownKind, "the user's own"},
	"kucoin-fixtures/Spot_FundingBook":                       {feed.UnknownKind, "loans of a currency, which is no instrument"},
	"okx-v5-fixtures/Unified_ExchangeData_EstimatedPrice":    {feed.UnknownKind, "the price of a settlement to come"},
	"okx-v5-fixtures/Unified_ExchangeData_IndexKlines":       {feed.UnknownKind, "candles of a price at which nobody trades"},
	"okx-v5-fixtures/Unified_ExchangeData_MarkPriceKlines":   {feed.UnknownKind, "candles of a price at which nobody trades"},
	"okx-v5-fixtures/Unified_ExchangeData_OptionSummary":     {feed.UnknownKind, "volatilities, and what a price depends on"},
	"okx-v5-fixtures/Unified_ExchangeData_PriceLimit":        {feed.UnknownKind, "what may be ordered: nothing is said of the market"},

	"bitfinex-fixtures/Spot_DerivStatus":         namelessList,
	"bitfinex-fixtures/Spot_Klines":              namelessList,
	"bitfinex-fixtures/Spot_Liquidations":        namelessList,
	"bitfinex-fixtures/Spot_OrderBook":           namelessList,
	"bitfinex-fixtures/Spot_OrderBookFunding":    namelessList,
	"bitfinex-fixtures/Spot_OrderBookRaw":        namelessList,
	"bitfinex-fixtures/Spot_OrderBookRawFunding": namelessList,
	"bitfinex-fixtures/Spot_Ticker":              namelessList,
	"bitfinex-fixtures/Spot_TickerFunding":       namelessList,
	"bitfinex-fixtures/Spot_Trades":              namelessList,
	"bitfinex-v2/arr_snapshot":                   namelessList,
	"bitfinex-v2/arr_update":                     namelessList,
}

type refusal struct {
	reason feed.Reason
	why    string
}

var namelessList = refusal{feed.MissingField, "a list, whose channel an earlier message of the connection names: Bitfinex's own test gives it one"}

// Every recorded session is of a format, or of a venue that is named here as one without; and of those with a
// format every message is decoded, or is one in which nothing is wrong.
func TestRecordings(t *testing.T) {
	dir := feedtest.Data(t, "sessions")
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.raw.gz"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no sessions in %s (%v)", dir, err)
	}
	for _, file := range files {
		rel, _ := filepath.Rel(dir, file)
		name := strings.TrimSuffix(filepath.ToSlash(rel), ".raw.gz")
		if strings.HasSuffix(name, ".rest") {
			continue // comes with its session
		}
		formats, known := recordings[name]
		if !known {
			t.Errorf("%s is of no format that the table names", name)
		}
		if formats != "" {
			t.Run(name, func(t *testing.T) { decodesAll(t, formats, name) })
		}
	}
}

func decodesAll(t *testing.T, formats, session string) {
	decoders := decodersOf(t, formats)
	var key []byte // files of hftbacktest have order books that do not say their symbol: the file's name does
	if _, name, ok := strings.Cut(session, "hftbacktest/"); ok {
		key = []byte(strings.ToUpper(strings.Split(name, "_")[1]))
	}
	events, bad := 0, 0
	for _, r := range feedtest.Records(t, "sessions/"+session+".raw.gz") {
		if len(r.Key) == 0 {
			r.Key = key
		}
		n, err := decode(decoders, &r)
		events += n
		if err == nil || fine(err) {
			continue
		}
		if bad++; bad <= 5 {
			t.Errorf("%.300s: %v", r.Value, err)
		}
	}
	if events == 0 || bad > 5 {
		t.Errorf("%d events; %d messages are not decoded", events, bad)
	}
}

// Every folder of samples is of a format, or of a venue that is named here as one without; and of those with a
// format every file is decoded, has nothing wrong, or is named in untold with its reason.
func TestSampleFolders(t *testing.T) {
	dir := feedtest.Data(t, "samples")
	folders, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, folder := range folders {
		formats, known := samplesOf[folder.Name()]
		if !folder.IsDir() || formats == "" {
			if folder.IsDir() && !known {
				t.Errorf("%s is of no format that the table names", folder.Name())
			}
			continue
		}
		files, err := filepath.Glob(filepath.Join(dir, folder.Name(), "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s is empty (%v)", folder.Name(), err)
		}
		for _, file := range files {
			name := folder.Name() + "/" + strings.TrimSuffix(filepath.Base(file), ".json")
			value, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = decode(decodersOf(t, formats), &feed.Record{Key: []byte("BTCUSDT"), Value: value})
			want, not := untold[name]
			seen[name] = not
			if not && !errors.Is(err, want.reason) || !not && err != nil && !fine(err) {
				t.Errorf("%s: %v, want %q", name, err, want.reason)
			}
		}
	}
	for name := range untold {
		if !seen[name] {
			t.Errorf("%s is not there", name)
		}
	}
}

// fine reports that a record without events has nothing wrong in it.
func fine(err error) bool {
	var why feed.Reason
	return errors.As(err, &why) && !why.Bad()
}

func decodersOf(t *testing.T, formats string) (all []feed.Decoder) {
	for name := range strings.FieldsSeq(formats) {
		f, ok := venue.Lookup(name)
		if !ok {
			t.Fatalf("there is no format %s", name)
		}
		all = append(all, f.New(feed.DefaultOptions()))
	}
	return all
}

// decode is what the first of some decoders that can read a record makes of it.
func decode(decoders []feed.Decoder, r *feed.Record) (events int, err error) {
	var b market.Batch
	for _, d := range decoders {
		b.Reset()
		if err = d.Decode(&b, r); err == nil || fine(err) {
			return len(b.Events), err
		}
	}
	return 0, err
}
