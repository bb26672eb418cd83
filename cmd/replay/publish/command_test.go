package publish

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
)

// command runs `replay publish` with arguments that may have {dir} and {broker} in them.
func command(ctx context.Context, in *strings.Replacer, line string) (code int, out, errs string) {
	var o, e bytes.Buffer
	app := &cli.App{Name: "replay", Writer: &o, ErrWriter: &e, Commands: []*cli.Command{Command()}}
	args := []string{"replay", "publish"}
	for word := range strings.FieldsSeq(line) {
		args = append(args, in.Replace(word))
	}
	code = flags.Run(ctx, app, args)
	return code, o.String(), e.String()
}

func TestCommand(t *testing.T) {
	b := broker(t, kfake.SeedTopics(3, "raw"))
	dir := t.TempDir()
	file := func(name string, lines ...string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	trade := `{"e":"trade","E":1700000000000,"s":"BTCUSDT","t":1,"p":"1.0","q":"2","T":1700000000000,"m":true}`
	file("s.raw", "1700000000000000 "+trade, `1700000000001000 {"result":null,"id":1}`, "1700000000002000 "+trade)
	file("s.rest.raw", `1700000000001500 https://h/depth?symbol=ETHUSDT {"lastUpdateId":1,"bids":[["1","1"]],"asks":[]}`)
	file("bad.raw", "1700000000000001 "+trade, "gibberish")
	file("conf.yaml", "topic: raw", "feed: binance", "brokers: "+b.ListenAddrs()[0])
	file("typo.yaml", "topick: raw")
	file("mine.yaml", "mappings:", "  desk:", "    format: csv", "    venue: DESK", `    symbol: "@key"`, "    messages:", "      - trade: {price: 1, size: 2}")
	file("mine.raw", "1700000000000000 37000.10,0.5")
	in := strings.NewReplacer("{dir}", dir, "{broker}", b.ListenAddrs()[0])
	const to = "--brokers {broker} --topic raw --feed binance --speed max "
	for _, tt := range []struct {
		args      string
		code      int
		out, errs string // what is among the output
	}{
		{"{dir}/s.raw", flags.WrongFlags, "", "--topic"},
		{"--topic raw {dir}/s.raw", flags.WrongFlags, "", "--feed"},
		{"--topic raw --feed binance {dir}/s.raw", flags.WrongFlags, "", "--brokers"},
		{"--topic raw --feed binanse {dir}/s.raw", flags.WrongFlags, "", "did you mean binance?"},
		{to, flags.WrongFlags, "", "no FILE is named"},
		{to + "{dir}/absent.raw", flags.WrongConfig, "", "absent.raw: no such file"},
		{to + "{dir}", flags.WrongConfig, "", "is a folder"},
		{to + "--speed 0.09 {dir}/s.raw", flags.WrongFlags, "", "from 0.1 to 1000"},
		{to + "--speed 1001 {dir}/s.raw", flags.WrongFlags, "", "from 0.1 to 1000"},
		{to + "--speed NaN {dir}/s.raw", flags.WrongFlags, "", "from 0.1 to 1000"},
		{to + "--kafka-compression lzo {dir}/s.raw", flags.WrongFlags, "", "lz4"},
		{to + "--resume --again {dir}/s.raw", flags.WrongFlags, "", "--resume and --again"},
		{to + "--partitions 3 {dir}/s.raw", flags.WrongFlags, "", "give --create-topic"},
		{to + "--create-topic --partitions -1 {dir}/s.raw", flags.WrongFlags, "", "below 0"},
		{to + "--give-up 0s {dir}/s.raw", flags.WrongFlags, "", "not a time to wait"},
		{"--config {dir}/typo.yaml {dir}/s.raw", flags.WrongConfig, "", "did you mean topic"},
		{to + "--topic none {dir}/s.raw", flags.Failed, "", "--create-topic"},

		{to + "{dir}/s.raw", flags.OK, "3 records sent to raw in ", "with the REST snapshots of {dir}/s.rest.raw"},
		{to + "{dir}/s.raw", flags.Failed, "", "has this session already"},
		{"--config {dir}/conf.yaml {dir}/s.raw --resume --speed max", flags.OK, "0 records sent to raw", "REST"},
		{to + "--resume {dir}/s.raw", flags.OK, "; 3 were there already; 1 without market data left out\n", ""},
		{to + "--no-rest {dir}/s.raw", flags.OK, "2 records sent", ""},
		{to + "--no-rest --all --again {dir}/s.raw", flags.OK, "3 records sent", ""},
		{to + "{dir}/s.rest.raw {dir}/s.raw --again", flags.OK, "3 records sent", ""},
		{"--config {dir}/mine.yaml --brokers {broker} --topic raw --feed desk --speed max --symbol BTC-USD {dir}/mine.raw", flags.OK, "1 records sent to raw", ""},
		{"--config {dir}/mine.yaml --brokers {broker} --topic raw --feed desk --speed max --again {dir}/mine.raw", flags.Failed, "", "name it with --symbol"},
		{to + "{dir}/bad.raw", flags.Failed, "1 records sent", "bad.raw:2: "},
	} {
		code, out, errs := command(t.Context(), in, tt.args)
		if code != tt.code || !strings.Contains(out, tt.out) || !strings.Contains(errs, in.Replace(tt.errs)) {
			t.Errorf("%s\ncode %d, want %d\nprinted %q, want %q\nsaid %q, want %q", tt.args, code, tt.code, out, tt.out, errs, in.Replace(tt.errs))
		}
		if code != flags.OK && !strings.Contains("\n"+errs, "\nreplay: ") {
			t.Errorf("%s: said %q, want a line of the program's", tt.args, errs)
		}
	}
}

// Whoever interrupts is told how to go on.
func TestCommandInterrupted(t *testing.T) {
	b := broker(t, kfake.SeedTopics(1, "raw"))
	trade := `{"e":"trade","E":1,"s":"BTCUSDT","t":1,"p":"1.0","q":"2","T":1,"m":true}`
	file := write(t, "s.raw", "1700000000000000 "+trade, "1700009000000000 "+trade)
	ctx, interrupt := context.WithCancel(t.Context())
	c := client(t, b.ListenAddrs()...)
	go func() {
		for count(t, c, "raw", 1) == 0 {
			time.Sleep(time.Millisecond)
		}
		interrupt()
	}()
	code, out, errs := command(ctx, strings.NewReplacer(), "--brokers "+b.ListenAddrs()[0]+" --topic raw --feed binance "+file)
	if code != flags.Failed || !strings.HasPrefix(out, "1 records sent") || !strings.HasSuffix(errs, "replay: interrupted: give the same command with --resume to go on\n") {
		t.Errorf("code %d, printed %q, said %q", code, out, errs)
	}
}
