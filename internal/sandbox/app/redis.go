package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// The variables that hold the credential of the database.
const (
	RedisToken    = "UPSTASH_REDIS_REST_TOKEN"
	RedisReadOnly = "UPSTASH_REDIS_REST_READ_ONLY_TOKEN"
	RedisURL      = "REDIS_URL"
)

// admitted counts a visit in the database, as a rate limiter does that lets
// nobody in whom it cannot count, and logs a refusal as a client library would.
func (i *instance) admitted(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.o.Redis, strings.NewReader(`["INCR","shop:visits"]`))
	if err != nil {
		return fmt.Errorf("building a request to the database: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+i.values[RedisToken])
	req.Header.Set("Content-Type", "application/json")
	res, err := i.o.Client.Do(req)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			i.log(`level=error msg="upstash: request did not go through"`)
		}
		return fmt.Errorf("counting a visit: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("reading the database's answer: %w", err)
	}
	var said struct {
		Result int
		Error  string
	}
	_ = json.Unmarshal(body, &said) // an answer that says nothing is logged without words
	if res.StatusCode != http.StatusOK || said.Result < 1 {
		i.log(fmt.Sprintf(`level=error msg="upstash: %d %s: %s"`, res.StatusCode, http.StatusText(res.StatusCode), said.Error))
		return fmt.Errorf("counting a visit: status %d", res.StatusCode)
	}
	return nil
}
