package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapedeck/cmd/flags"
	"tapedeck/feed/venue"
)

// instrumentsFile writes a file of instruments.
func instrumentsFile(t *testing.T, text []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "instruments.jsonl")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

const ourInstruments = `{"venue":"BINANCE","native":"BTCUSDT","base":"BTC","quote":"USDT","tick":"0.01","lot":0.00001}

{"venue":"BINANCE-COINM","native":"BTCUSD_PERP","name":"BTCUSD_PERP","kind":"perpetual","contractSize":100,"currency":"USD","inverse":true}
{"venue":"BINANCE","native":"ETHUSDT","tick":1e-2}
{"venue":"KRAKEN","native":"BTC/USD","base":"BTC","quote":"USD"}
`

func TestInstrumentsOfAFile(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write([]byte(ourInstruments))
	w.Close()
	for _, text := range [][]byte{[]byte(ourInstruments), packed.Bytes()} {
		in, err := readInstruments(instrumentsFile(t, text), venue.Formats, []string{"BINANCE", "BINANCE-COINM"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, i := range in.list {
			got = append(got, fmt.Sprintf("%s %s %q %s tick=%s lot=%s contract=%s %s %t", i.Venue, i.Native, i.Name, i.Kind, i.Facts.Tick, i.Facts.Lot, i.Facts.Contract, i.Facts.Currency, i.Facts.Inverse))
		}
		want := `BINANCE BTCUSDT "BTC-USDT" spot tick=0.01 lot=0.00001 contract=  false
BINANCE-COINM BTCUSD_PERP "BTCUSD_PERP" perpetual tick= lot= contract=100 USD true
BINANCE ETHUSDT "" spot tick=0.01 lot= contract=  false`
		if strings.Join(got, "\n") != want || in.all != 4 {
			t.Errorf("of %d there are\n%s\nwant\n%s", in.all, strings.Join(got, "\n"), want)
		}
	}
	o, err := parseOnly([]string{"symbol:ETH-*"})
	if err != nil {
		t.Fatal(err)
	}
	in, err := readInstruments(instrumentsFile(t, []byte(ourInstruments)), venue.Formats, nil, o)
	if err != nil || len(in.list) != 1 || in.list[0].Native != "ETHUSDT" {
		t.Errorf("of those that are wanted there are %+v (%v)", in, err)
	}
}

func TestInstrumentsSayWhatIsWrong(t *testing.T) {
	for line, want := range map[string]string{
		`nothing`:                         "no JSON object",
		`["venue"]`:                       "no JSON object",
		`{"native":"A"}`:                  "needs a venue and a native name",
		`{"venue":"BINANCE"}`:             "needs a venue and a native name",
		`{"venue":"BINACE","native":"A"}`: "did you mean BINANCE?",
		`{"venue":"BINANCE","native":"A","tik":"1"}`:                         "did you mean tick?",
		`{"venue":"BINANCE","native":"A","tick":"0"}`:                        `tick is "0": it must be a number above 0`,
		`{"venue":"BINANCE","native":"A","lot":"x"}`:                         `lot is "x"`,
		`{"venue":"BINANCE","native":"A","lot":null}`:                        `lot is null`,
		`{"venue":"BINANCE","native":7}`:                                     "native is 7: it must be a text",
		`{"venue":"BINANCE","native":"A","kind":"perp"}`:                     "there are spot perpetual future option",
		`{"venue":"BINANCE","native":"A","contractSize":"1"}`:                "need each other",
		`{"venue":"BINANCE","native":"A","inverse":true}`:                    "inverse needs both",
		`{"venue":"BINANCE","native":"A","inverse":"yes"}`:                   "it must be true or false",
		`{"venue":"BINANCE","native":"BTCUSDT"}`:                             "BINANCE BTCUSDT is in line 1 already",
		`{"exchange":"okx","market":"swap"}`:                                 "needs a symbol",
		`{"exchange":"okx","market":"swap","symbol":"A","contract_value":0}`: "contract_value is 0",
	} {
		name := instrumentsFile(t, []byte(`{"venue":"BINANCE","native":"BTCUSDT"}`+"\n\n"+line+"\n"))
		_, err := readInstruments(name, venue.Formats, []string{"BINANCE"}, nil)
		if err == nil || !strings.Contains(err.Error(), "line 3: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want line 3 and %q", line, err, want)
		}
	}
	if _, err := readInstruments("/nothing/there", venue.Formats, nil, nil); err == nil {
		t.Error("a file that is not there is read")
	}
	if _, err := readInstruments(instrumentsFile(t, []byte("\x1f\x8bnothing")), venue.Formats, nil, nil); err == nil {
		t.Error("a broken gzip is read")
	}
}

// The other form is read as it stands.
func TestInstrumentsOfTheOtherForm(t *testing.T) {
	dir := cmp.Or(os.Getenv("TAPEDECK_DATA"), filepath.Join("..", "..", "..", "shared", "data"))
	name := filepath.Join(dir, "instruments", "instruments_sample.jsonl")
	if _, err := os.Stat(name); err != nil {
		t.Skipf("there is no recorded data: %v; TAPEDECK_DATA can name its folder", err)
	}
	in, err := readInstruments(name, venue.Formats, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, i := range in.list {
		count[i.Venue+" "+i.Kind.String()]++
		if i.Native == "SRM-USDT-SWAP" && (i.Facts.Contract.String() != "1" || i.Facts.Currency != "SRM" || i.Name != "") {
			t.Errorf("%+v", i)
		}
		if i.Native == "uipeth" && i.Name != "UIP-ETH" {
			t.Errorf("%s is named %s", i.Native, i.Name)
		}
	}
	want := map[string]int{
		"BINANCE spot": 10, "BINANCE-USDM perpetual": 10, "BINANCE-USDM future": 3, "BINANCE-COINM perpetual": 10, "BINANCE-COINM future": 10,
		"COINBASE spot": 10, "KRAKEN spot": 10, "OKX spot": 10, "OKX perpetual": 10, "OKX future": 10, "OKX option": 10, "BYBIT-LINEAR perpetual": 6, "BYBIT-INVERSE perpetual": 4,
		"KUCOIN spot": 10, "HTX spot": 10, "GATE spot": 10, "DERIBIT perpetual": 10, "DERIBIT future": 10, "DERIBIT option": 10,
		"BITMEX perpetual": 6, "BITMEX future": 4,
	}
	if fmt.Sprint(count) != fmt.Sprint(want) || in.all != 183 {
		t.Errorf("of %d there are %v, want %v", in.all, count, want)
	}
}

// The flag's file reaches the server; check-config says what of it is used, and a fault ends with the code of files.
func TestInstrumentsFlag(t *testing.T) {
	name := instrumentsFile(t, []byte(ourInstruments))
	if s := settingsOf(t, "--instruments", name); len(s.server.Instruments) != 2 {
		t.Errorf("the server knows %+v", s.server.Instruments)
	}
	args := []string{"check-config", "--offline", "--brokers", "k", "--feed", "binance=md", "--instruments"}
	code, out, errs := runs(t, append(args, name)...)
	if want := "instruments: 2 of the 4 in " + name; code != flags.OK || !strings.Contains(out, want) {
		t.Errorf("check-config ends with %d and %q %q, want %q", code, out, errs, want)
	}
	code, _, errs = runs(t, append(args, instrumentsFile(t, []byte("{}")))...)
	if code != flags.WrongConfig || !strings.Contains(errs, "line 1: it needs a venue") {
		t.Errorf("with a fault check-config ends with %d and %q", code, errs)
	}
}

// The venues of mappings are venues as any other: of those that are read, an instrument is kept; of another, it is left out.
func TestInstrumentsOfMappedVenues(t *testing.T) {
	config := func(venue string) string {
		name := filepath.Join(t.TempDir(), "tapedeck.yaml")
		text := fmt.Sprintf(`
mappings:
  desk: {format: json, venue: DESK, symbol: s, messages: [{trade: {price: p, size: q}}]}
  floor: {format: json, venue: %s, symbol: s, messages: [{trade: {price: p, size: q}}]}
`, venue)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	const desk, floor = `{"venue":"DESK","native":"BTCUSD","name":"BTC-USD"}` + "\n", `{"venue":"FLOOR","native":"BTCUSD"}` + "\n"
	for _, tt := range []struct {
		venue, text, says string
		code              int
	}{
		{"FLOOR", desk + floor, "instruments: 1 of the 2 in ", flags.OK},
		{"FLOOR", `{"venue":"FLOR","native":"BTCUSD"}`, "did you mean FLOOR?", flags.WrongConfig},
		{"PIT", desk + floor, `line 2: there is no venue "FLOOR"`, flags.WrongConfig},
		{"{from: v, words: {f: FLOOR}}", desk + floor, "instruments: 1 of the 2 in ", flags.OK},
	} {
		code, out, errs := runs(t, "check-config", "--offline", "--brokers", "k", "--config", config(tt.venue), "--feed", "desk=md", "--instruments", instrumentsFile(t, []byte(tt.text)))
		if code != tt.code || !strings.Contains(out+errs, tt.says) {
			t.Errorf("with venue %s and %s it ends with %d and %q %q, want %d and %q", tt.venue, tt.text, code, out, errs, tt.code, tt.says)
		}
	}
}
