package ls

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"tapedeck/feed/clickhouse"
)

var update = flag.Bool("update", false, "write the golden files anew")

var days = []clickhouse.Day{
	{
		Day: "2026-01-31", Topic: "md.raw.binance", Missing: 12,
		Extent: clickhouse.Extent{Records: 1_204_331, Bytes: 240_866_200, Trades: 800_100, From: 1769817600123456, To: 1769903999876543},
		Symbols: []clickhouse.Symbol{
			{Name: "", Extent: clickhouse.Extent{Records: 31, Bytes: 900}},
			{Name: "BINANCE:BTC-USDT", Extent: clickhouse.Extent{Records: 1_204_300, Bytes: 240_865_300, Trades: 800_100, From: 1769817600123456, To: 1769903999876543}},
		},
	},
	{Day: "2026-02-01", Topic: "md.raw.okx", Extent: clickhouse.Extent{Records: 1, Bytes: 5 << 40, From: 1769904000000000, To: 1769904000000000}},
}

func TestOutput(t *testing.T) {
	for name, write := range map[string]func(*bytes.Buffer) error{
		"table.golden": func(b *bytes.Buffer) error { return table(b, days) },
		"lines.golden": func(b *bytes.Buffer) error { return lines(b, days) },
	} {
		var got bytes.Buffer
		if err := write(&got); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s: it is\n%s\nwant\n%s", name, &got, want)
		}
	}
}
