package app

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"rekey/internal/sandbox/r2"
)

// The variables that hold the pair of the object store.
const (
	MediaKeyID     = "R2_ACCESS_KEY_ID"
	MediaKeySecret = "R2_SECRET_ACCESS_KEY"
)

// MediaObject is what the page shows.
const MediaObject = "lighthouse.png"

// Media is where objects are kept.
type Media struct {
	Endpoint string
	Bucket   string
}

// object fetches an object with the pair this instance was started with, and
// logs a refusal as a client library would.
func (i *instance) object(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, i.o.Media.Endpoint+"/"+i.o.Media.Bucket+"/"+MediaObject, nil)
	if err != nil {
		return fmt.Errorf("building media request: %w", err)
	}
	r2.Sign(req, i.values[MediaKeyID], i.values[MediaKeySecret], time.Now())
	res, err := i.o.Client.Do(req)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			i.log(`level=error msg="r2: request did not go through"`)
		}
		return fmt.Errorf("fetching an object: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("reading an object: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		var said struct{ Code string }
		_ = xml.Unmarshal(body, &said) // an answer that says nothing is logged without words
		i.log(fmt.Sprintf(`level=error msg="r2: %d %s: %s"`, res.StatusCode, http.StatusText(res.StatusCode), said.Code))
		return fmt.Errorf("fetching an object: status %d", res.StatusCode)
	}
	return nil
}
