package attest

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
)

// Config of an [Attester]. Zero fields mean the defaults named.
type Config struct {
	URL       string                                          // the endpoint; https, or http on loopback
	Key       func(ctx context.Context) (secret.Value, error) // read before each proof; at least 16 bytes
	Instances int                                             // how many there are; 0 means not known
	InARow    int                                             // answers that must agree where that is not known, default 6
	MaxAsks   int                                             // questions of one proof, default 40
	Pause     time.Duration                                   // between two questions, default none
	Freshness time.Duration                                   // how far an answer's clock may be off, default 60 s
	Timeout   time.Duration                                   // of one question, default 5 s
	HTTP      *http.Client                                    // copied; default: the zero http.Client
}

// Attester asks one application. It may be used by several goroutines.
type Attester struct {
	config Config
	client *rest.Client
	query  url.Values
}

// New checks the configuration and fills in the defaults.
func New(c Config) (*Attester, error) {
	c.InARow = either(c.InARow, 6)
	c.MaxAsks = either(c.MaxAsks, 40)
	c.Freshness = either(c.Freshness, time.Minute)
	c.Timeout = either(c.Timeout, 5*time.Second)
	base, rawQuery, _ := strings.Cut(c.URL, "?")
	query, err := url.ParseQuery(rawQuery)
	switch {
	case err != nil:
		return nil, errors.New("attestation: the URL's query is malformed")
	case c.Key == nil:
		return nil, errors.New("attestation: there is no key")
	case c.Instances < 0 || c.InARow < 1 || c.Pause < 0:
		return nil, errors.New("attestation: instances, answers in a row and pause must not be negative")
	case max(c.Instances, 1) > c.MaxAsks || (c.Instances == 0 && c.InARow > c.MaxAsks):
		return nil, fmt.Errorf("attestation: %d questions are too few to agree on anything", c.MaxAsks)
	}
	client, err := rest.New(rest.Config{Base: base, HTTP: c.HTTP, Timeout: c.Timeout, MaxBody: 16 << 10})
	if err != nil {
		return nil, fmt.Errorf("attestation: %w", err)
	}
	return &Attester{config: c, client: client, query: query}, nil
}

// either is the value, or the default for a zero one.
func either[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// shortKey is the length in bytes below which a key could be guessed from one
// recorded question.
const shortKey = 16

// Attest asks until enough answers agree on the fresh value, until a row of
// answers agrees that it is not the one in use, or until the questions are
// spent. A stale value of zero is never recognised. One question without a
// usable answer ends it with an error: what the others said is then no proof.
func (a *Attester) Attest(ctx context.Context, name string, fresh, stale secret.Value) (deploy.Testimony, error) {
	op := "asking the application which " + name + " it uses"
	key, err := a.config.Key(ctx)
	if err != nil {
		return deploy.Testimony{}, &fault.Error{Op: "reading the attestation key", Class: fault.Ask, Reason: fault.Unexplained, Err: err}
	}
	switch {
	case key.Len() < shortKey:
		return deploy.Testimony{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: fmt.Sprintf("the attestation key is shorter than %d bytes", shortKey)}
	case name == "" || !oneLine.MatchString(name) || fresh.IsZero():
		return deploy.Testimony{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "there is no name or no value to ask about"}
	}
	h := hearing{config: a.config, latest: make(map[string]verdict)}
	for n := range a.config.MaxAsks {
		if n > 0 {
			if err := pause(ctx, a.config.Pause); err != nil {
				return deploy.Testimony{}, &fault.Error{Op: op, Class: fault.Again, Reason: fault.Interrupted, Err: err}
			}
		}
		question, answer, err := a.ask(ctx, op, key, name)
		if err != nil {
			return deploy.Testimony{}, err
		}
		h.hear(answer, judge(key, question, answer, fresh, stale))
		if h.settled() {
			break
		}
	}
	return h.testimony(), nil
}

// pause waits between two questions.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ask puts one question and checks the form of the answer.
func (a *Attester) ask(ctx context.Context, op string, key secret.Value, name string) (Question, Answer, error) {
	q := Question{Name: name, Nonce: nonce(), Time: time.Now().Unix()}
	var answer Answer
	_, err := a.client.Do(ctx, rest.Call{
		Op: op, Method: http.MethodPost, Query: a.query, Body: q,
		Sign: func(r *http.Request, _ []byte) {
			r.Header.Set(Header, SignAsk(key, q))
			r.Close = true // a kept connection may lead to one and the same instance for ever
		},
	}, &answer)
	if err != nil {
		return q, answer, explained(err)
	}
	if wrong := a.malformed(answer); wrong != "" {
		return q, answer, &fault.Error{Op: op, Class: fault.Ask, Reason: fault.Garbled, Status: http.StatusOK, Detail: wrong}
	}
	return q, answer, nil
}

// explained adds what a 404 of this protocol means.
func explained(err error) error {
	f := fault.Of(err)
	if f.Reason != fault.NotFound {
		return err
	}
	told := *f
	told.Detail = "it does not know the name, holds another attestation key, or its clock differs by more than a minute"
	return &told
}

var (
	// oneLine is what may stand in a line of the hashed text.
	oneLine = regexp.MustCompile(`^[^\x00-\x1f\x7f]{1,128}$`)
	// deployment is what a watch can be scoped to.
	deployment = regexp.MustCompile(`^[A-Za-z0-9._-]{0,64}$`)
	// proof is a SHA-256 in hexadecimal.
	proof = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// malformed says what is wrong with an answer, without repeating any of it.
func (a *Attester) malformed(answer Answer) string {
	off := time.Since(time.Unix(answer.Time, 0)).Abs()
	switch {
	case !oneLine.MatchString(answer.Instance):
		return "the answer names no instance"
	case !deployment.MatchString(answer.Deployment):
		return "the answer's deployment is not made of at most 64 letters, digits, dots, dashes and underscores"
	case !proof.MatchString(answer.Proof):
		return "the answer holds no proof"
	case off > a.config.Freshness:
		return fmt.Sprintf("the answer's clock is off by more than %s", a.config.Freshness)
	}
	return ""
}

// judge finds which value a proof was made for.
func judge(key secret.Value, q Question, a Answer, fresh, stale secret.Value) verdict {
	matches := func(v secret.Value) bool {
		return !v.IsZero() && hmac.Equal([]byte(a.Proof), []byte(Prove(key, q, a, v)))
	}
	isFresh, isStale := matches(fresh), matches(stale)
	switch {
	case isFresh:
		return holdsNew
	case isStale:
		return holdsOld
	default:
		return holdsOther
	}
}

// nonce is 32 hexadecimal digits.
func nonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b[:])
}
