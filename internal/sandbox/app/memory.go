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

// MemoryKey is the variable that holds the key of the memory service.
const MemoryKey = "MEM0_API_KEY"

// Memory is where the application remembers its visitors.
type Memory struct {
	URL string // of the platform, or of a server of one's own
	Own bool   // the latter
}

// recall asks for what is remembered of a visitor, with the key this instance
// was started with. An empty memory is a failure: visitors are forgotten.
func (i *instance) recall(ctx context.Context) error {
	req, err := i.recalling(ctx)
	if err != nil {
		return err
	}
	res, err := i.o.Client.Do(req)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			i.log(`level=error msg="mem0: request did not go through"`)
		}
		return fmt.Errorf("asking for memories: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("reading memories: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		var said struct{ Detail string }
		_ = json.Unmarshal(body, &said) // an answer that says nothing is logged without words
		i.log(fmt.Sprintf(`level=error msg="mem0: %d %s: %s"`, res.StatusCode, http.StatusText(res.StatusCode), said.Detail))
		return fmt.Errorf("asking for memories: status %d", res.StatusCode)
	}
	var found struct{ Results []struct{ Memory string } }
	if err := json.Unmarshal(body, &found); err != nil || len(found.Results) == 0 {
		i.log(`level=error msg="nothing is remembered of anybody"`)
		return errors.New("reading memories: there are none")
	}
	return nil
}

// recalling is the question in the words of the platform or of a server.
func (i *instance) recalling(ctx context.Context) (*http.Request, error) {
	path, question := "/v3/memories/search/", `{"query":"What does the visitor like?","filters":{"user_id":"visitor"}}`
	if i.o.Memory.Own {
		path, question = "/search", `{"query":"What does the visitor like?","user_id":"visitor"}`
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.o.Memory.URL+path, strings.NewReader(question))
	if err != nil {
		return nil, fmt.Errorf("building a request for memories: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if key := i.values[MemoryKey]; i.o.Memory.Own {
		req.Header.Set("X-API-Key", key)
	} else {
		req.Header.Set("Authorization", "Token "+key)
	}
	return req, nil
}
