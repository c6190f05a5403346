package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"rekey/bot/config"
	"rekey/providers"
	"rekey/providers/upstash"
	"rekey/state/redis"
)

func buildUpstash(s *config.Secret, name providers.Namer) (providers.Provider, error) {
	roots, err := authorities(s.Upstash.CAFile)
	if err != nil {
		return nil, err
	}
	c := upstash.Config{
		BaseURL: s.BaseURL, Console: s.Console, ByHand: s.Upstash.ByHand, Databases: map[string]upstash.Database{}, Roots: roots, Own: ownRedis(s.Own), Name: name,
		Variables: s.Entry.Variables, HTTP: &http.Client{Timeout: s.Timeout}, Timeout: s.Timeout, Waits: waits(upstash.DefaultWaits(), s.Waits),
	}
	if s.Administered() {
		c.Account = reader(s.Admin.Key)
	}
	for env, d := range s.Upstash.Each() {
		database := upstash.Database{URL: d.URL, Redis: d.Redis, ID: d.Database}
		if !d.AdminKey.IsZero() {
			database.Password = reader(d.AdminKey)
		}
		c.Databases[env] = database
	}
	return upstash.New(c)
}

// maxAuthorities bounds what is read of a file of certificates.
const maxAuthorities = 1 << 20

// authorities are the system's and those of a file; nil where there is none.
func authorities(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path) //nolint:gosec // the path is the operator's own configuration
	if err != nil {
		return nil, fmt.Errorf("reading upstash.ca_file: %w", err)
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxAuthorities))
	if err != nil {
		return nil, fmt.Errorf("reading upstash.ca_file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("reading upstash.ca_file: it holds no certificate in PEM")
	}
	return pool, nil
}

// ownRedis tells where Rekey keeps its own records, read anew each time.
func ownRedis(r config.Redis) func() (string, error) {
	return func() (string, error) {
		if r.URL.IsZero() {
			return r.Address, nil
		}
		text, err := r.URL.Read()
		if err != nil {
			return "", err
		}
		c, err := redis.ParseURL(text.Reveal())
		return c.Addr, err
	}
}
