package flags

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"tapedeck/feed/kafka"
)

// Kafka are the flags that say where Kafka is and how one connects to it. Cluster reads them.
func Kafka() []cli.Flag {
	const category = "Kafka"
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "brokers", Category: category, Usage: "a `HOST:PORT` of the cluster, or several; any one finds the others"},
		&cli.StringFlag{Name: "client-id", Category: category, Value: "tapedeck", Usage: "the `NAME` that brokers log and limit us by"},
		&cli.BoolFlag{Name: "kafka-tls", Category: category, Usage: "connect with TLS"},
		&cli.StringFlag{Name: "kafka-ca", Category: category, Usage: "PEM `FILE` with the authorities to believe; the system's unless given"},
		&cli.StringFlag{Name: "kafka-cert", Category: category, Usage: "PEM `FILE` with our certificate, where the brokers ask for one"},
		&cli.StringFlag{Name: "kafka-key", Category: category, Usage: "PEM `FILE` with its key"},
		&cli.StringFlag{Name: "kafka-server-name", Category: category, Usage: "the `NAME` on the brokers' certificates, where it is not the one that is dialled"},
		&cli.BoolFlag{Name: "kafka-insecure", Category: category, Usage: "believe any certificate: for trials only"},
		&cli.StringFlag{Name: "sasl", Category: category, Usage: "log in by this `MECHANISM`: plain, scram-sha-256 or scram-sha-512"},
		&cli.StringFlag{Name: "sasl-user", Category: category, Usage: "as this `USER`"},
		&cli.StringFlag{Name: "sasl-password", Category: category, Usage: "with this `PASSWORD`; on a command line others can see it: prefer the variable or the file"},
		&cli.StringFlag{Name: "sasl-password-file", Category: category, Usage: "with the password in this `FILE`"},
	}
}

// Cluster returns what the flags of Kafka say.
func Cluster(c *cli.Context) (kafka.Cluster, error) {
	k := kafka.Cluster{
		Brokers:  List(c, "brokers"),
		ClientID: c.String("client-id"),
		Security: kafka.Security{
			TLS:    c.Bool("kafka-tls"),
			CAFile: c.String("kafka-ca"), CertFile: c.String("kafka-cert"), KeyFile: c.String("kafka-key"),
			ServerName: c.String("kafka-server-name"), Insecure: c.Bool("kafka-insecure"),
			SASL: c.String("sasl"), User: c.String("sasl-user"), Password: c.String("sasl-password"),
		},
	}
	if len(k.Brokers) == 0 {
		return k, Missing("brokers", "a Kafka broker")
	}
	for i, b := range k.Brokers {
		if !strings.Contains(b, ":") {
			k.Brokers[i] = net.JoinHostPort(b, "9092")
			continue
		}
		_, port, err := net.SplitHostPort(b)
		if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 {
			return k, BadFlag("--brokers: %q is not HOST:PORT", b)
		}
	}
	if name := c.String("sasl-password-file"); name != "" {
		if k.Security.Password != "" {
			return k, BadFlag("--sasl-password and --sasl-password-file are both given: leave one out")
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return k, BadConfig("--sasl-password-file: %w", err)
		}
		if k.Security.Password = strings.TrimRight(string(text), "\r\n"); k.Security.Password == "" {
			return k, BadConfig("--sasl-password-file: %s is empty", name)
		}
	}
	if _, err := k.Transport(); err != nil {
		return k, wrong(err)
	}
	return k, nil
}

// wrong gives an error of the settings its code: a file that cannot be read is not the flags' fault.
func wrong(err error) error {
	var file *fs.PathError
	if errors.As(err, &file) {
		return BadConfig("%w", err)
	}
	return BadFlag("%w", err)
}
