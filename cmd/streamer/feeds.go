package main

import (
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/feed"
	"tapedeck/feed/kafka"
	"tapedeck/market"
	"tapedeck/server"
)

// feedFlag names topics and what is in them.
func feedFlag() cli.Flag {
	return &cli.StringSliceFlag{
		Name: "feed", Category: "Feeds",
		Usage: "read a topic by a venue's format, `NAME=TOPIC[#NUMBER][,OPTION…]`",
	}
}

// feedHelp explains the flag in full.
const feedHelp = `--feed NAME=TOPIC names the format of a topic's records: a venue's, or one that the file of settings describes
under mappings. Options follow, each after a comma:

  #NUMBER           behind the topic: raise it when the topic was deleted and made anew, where the brokers
                    give topics no id; clients are then told that they are in another log
  trades=STREAM     which of the venue's streams trades are taken from: trade (the default), aggTrade, or OKX's trades-all
  CHANNEL=ORIGIN    whose quotes, ticker or candles are: venue or derived; candles are derived unless said
  holes=normal      the topic is compacted, so missing offsets are no loss`

// feeds are the topics to read: for the server, by topic, and for Kafka.
type feeds struct {
	decoders map[string]server.Feed
	topics   []kafka.Topic
	venues   []string // of the formats; nil if one of them finds its venues in the records
}

var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// parseFeeds reads the words of --feed, which name formats that are known.
func parseFeeds(known []*feed.Format, words []string, o only) (*feeds, error) {
	f := &feeds{decoders: map[string]server.Feed{}}
	anywhere := false
	for _, w := range words {
		topic, options, err := parseFeed(known, w)
		if err != nil {
			return nil, err
		}
		if _, twice := f.decoders[topic.Name]; twice {
			return nil, flags.BadFlag("--feed: topic %s is named twice: a topic has one format", topic.Name)
		}
		if o != nil {
			options.Only = o.symbol
		}
		f.decoders[topic.Name] = server.Feed{Format: topic.Format, Options: options}
		f.topics = append(f.topics, topic)
		f.venues = append(f.venues, topic.Format.Venue)
		anywhere = anywhere || topic.Format.Venue == ""
	}
	if anywhere {
		f.venues = nil
	}
	return f, o.among(f.venues)
}

func parseFeed(known []*feed.Format, word string) (t kafka.Topic, options feed.Options, err error) {
	options = feed.DefaultOptions()
	parts := strings.Split(word, ",")
	name, topic, ok := strings.Cut(parts[0], "=")
	if !ok {
		return t, options, flags.BadFlag("--feed: %q is not NAME=TOPIC, as in binance=md.raw.binance", parts[0])
	}
	numbered := false
	t.Name, t.Number, numbered = strings.Cut(topic, "#")
	if !topicName.MatchString(t.Name) || t.Name == "." || t.Name == ".." {
		return t, options, flags.BadFlag("--feed: %q is not the name of a topic: those have letters, digits and . _ - only", t.Name)
	}
	if numbered && t.Number == "" {
		return t, options, flags.BadFlag("--feed: there is no number after the # of %q", parts[0])
	}
	if t.Format, err = flags.Format(known, name); err != nil {
		return t, options, err
	}
	for _, p := range parts[1:] {
		if err := parseOption(p, &t, &options); err != nil {
			return t, options, err
		}
	}
	return t, options, nil
}

var (
	feedOptions = []string{"trades", "quotes", "ticker", "candles", "holes"}
	tradeStream = map[string]bool{"trade": true, "aggTrade": true, "trades-all": true}
	originNames = map[string]feed.Origin{feed.FromVenue.String(): feed.FromVenue, feed.Derived.String(): feed.Derived}
)

func parseOption(text string, t *kafka.Topic, o *feed.Options) error {
	key, value, _ := strings.Cut(text, "=")
	switch key {
	case "holes":
		if value != "normal" {
			return flags.BadFlag("--feed: holes is %q: only holes=normal can be said", value)
		}
		t.Holes = true
	case "trades":
		if !tradeStream[value] {
			return flags.BadFlag("--feed: trades come from the stream trade, aggTrade or trades-all, not from %q", value)
		}
		o.Trades = value
	case "quotes", "ticker", "candles":
		origin, ok := originNames[value]
		if !ok {
			return flags.BadFlag("--feed: %s are of the venue or derived, not %q: as in %s=derived", key, value, key)
		}
		c, _ := market.ParseChannel(key)
		o.Origins[c] = origin
	default:
		return flags.BadFlag("--feed: there is no option %q: %s", key, flags.DidYouMean(key, "", feedOptions))
	}
	return nil
}
