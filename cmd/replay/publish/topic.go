package publish

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/initproducerid"

	feedkafka "tapedeck/feed/kafka"
)

// Creation says how a topic is made where there is none.
type Creation struct {
	Partitions int // 0: as the brokers have it by default
	Replicas   int // 0: likewise
}

// connect returns a client for one topic.
func connect(cluster feedkafka.Cluster, topic string) (*kafka.Client, error) {
	c, err := cluster.Client()
	if err != nil {
		return nil, err
	}
	t := c.Transport.(*kafka.Transport)
	t.MetadataTopics = []string{topic}
	t.MetadataTTL = time.Second  // how long a leader that moved is asked in vain
	c.Timeout = 30 * time.Second // of one attempt; a broker gets half of it
	return c, nil
}

// partitions returns how many partitions the topic has, and makes it where it is not there and create says
// how.
func (o *Options) partitions(ctx context.Context) (n int, err error) {
	if n, err = o.lookup(ctx); n > 0 || err != nil {
		return n, err
	}
	if o.Create == nil {
		return 0, fmt.Errorf("there is no topic %s: make it, or give --create-topic", o.Topic)
	}
	if err := o.create(ctx); err != nil {
		return 0, err
	}
	err = o.try(ctx, "topic "+o.Topic, func() error { // not every broker knows it at once
		if n, err = o.lookup(ctx); n == 0 && err == nil {
			return kafka.UnknownTopicOrPartition
		}
		return err
	})
	return n, err
}

// lookup returns how many partitions the topic has; 0 if there is none. It waits for brokers that do not answer
// yet.
func (o *Options) lookup(ctx context.Context) (n int, err error) {
	err = o.try(ctx, "Kafka", func() error {
		answer, err := o.Client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{o.Topic}})
		if err != nil || errors.Is(answer.Topics[0].Error, kafka.UnknownTopicOrPartition) {
			return err
		}
		n = len(answer.Topics[0].Partitions)
		return answer.Topics[0].Error
	})
	return n, err
}

func (o *Options) try(ctx context.Context, who string, f func() error) error {
	return patience{o.GiveUp, o.Say}.try(ctx, who, f)
}

// create makes the topic. Its records keep the times at which they were received, which may be long ago:
// so it keeps them for ever.
func (o *Options) create(ctx context.Context) error {
	config := kafka.TopicConfig{
		Topic: o.Topic, NumPartitions: o.Create.Partitions, ReplicationFactor: o.Create.Replicas,
		ConfigEntries: []kafka.ConfigEntry{{ConfigName: "retention.ms", ConfigValue: "-1"}},
	}
	if config.NumPartitions == 0 {
		config.NumPartitions = -1
	}
	if config.ReplicationFactor == 0 {
		config.ReplicationFactor = -1
	}
	answer, err := o.Client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{config}})
	if err == nil {
		err = answer.Errors[o.Topic]
	}
	if err != nil && !errors.Is(err, kafka.TopicAlreadyExists) {
		return fmt.Errorf("topic %s cannot be made: %w", o.Topic, err)
	}
	o.Say("made topic %s, which keeps its records for ever (retention.ms=-1)", o.Topic)
	return nil
}

// warn says what of the topic's settings will change what is published. Who may not see them is not warned.
func (o *Options) warn(ctx context.Context, oldest time.Time) {
	answer, err := o.Client.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{
		Resources: []kafka.DescribeConfigRequestResource{{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: o.Topic,
			ConfigNames: []string{"retention.ms", "message.timestamp.type"},
		}},
	})
	if err != nil || len(answer.Resources) == 0 {
		return
	}
	for _, c := range answer.Resources[0].ConfigEntries {
		switch c.ConfigName {
		case "retention.ms":
			ms, err := strconv.ParseInt(c.ConfigValue, 10, 64)
			if keeps := time.Duration(ms) * time.Millisecond; err == nil && ms > 0 && ms < int64(1<<63-1)/1e6 && time.Since(oldest) > keeps && !o.Now {
				o.Say("topic %s keeps records for %.3g days, but the session is of %s: the brokers will soon delete it. Give --now, or set the topic's retention.ms=-1", o.Topic, keeps.Hours()/24, oldest.UTC().Format(time.DateOnly))
			}
		case "message.timestamp.type":
			if c.ConfigValue == "LogAppendTime" {
				o.Say("topic %s sets the times of its records itself: the times of receipt are lost. Set its message.timestamp.type=CreateTime to keep them", o.Topic)
			}
		}
	}
}

// newProducer asks for a producer's identity. It is kafka-go's request under another type: by its own the
// library would look for a transaction's coordinator first, which takes rights that nobody needs here.
type newProducer initproducerid.Request

// ApiKey implements protocol.Message.
func (*newProducer) ApiKey() protocol.ApiKey { return protocol.InitProducerId }

func (o *Options) newProducer(ctx context.Context) (p producer, err error) {
	err = o.try(ctx, "a producer's identity", func() error {
		answer, err := o.Client.Transport.RoundTrip(ctx, o.Client.Addr, &newProducer{ProducerID: -1, ProducerEpoch: -1, TransactionTimeoutMs: 60_000})
		if err != nil {
			return err
		}
		a := answer.(*initproducerid.Response)
		if p = (producer{a.ProducerID, a.ProducerEpoch}); a.ErrorCode != 0 {
			return kafka.Error(a.ErrorCode)
		}
		return nil
	})
	return p, err
}
