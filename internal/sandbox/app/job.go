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

// The variables that hold the one key of the job service: the application
// hands the first to what starts tasks, and the library reads the second.
const (
	JobsKey    = "TRIGGER_API_KEY"
	JobsSecret = "TRIGGER_SECRET_KEY"
)

// job starts a task under one name of the key and looks at its run under the
// other.
func (i *instance) job(ctx context.Context) error {
	var run struct{ ID string }
	if err := i.askJobs(ctx, http.MethodPost, "/api/v1/tasks/resize-image/trigger", i.values[JobsKey], &run); err != nil {
		return err
	}
	if run.ID == "" {
		return errors.New("starting a task: no run")
	}
	return i.askJobs(ctx, http.MethodGet, "/api/v3/runs/"+run.ID, i.values[JobsSecret], &run)
}

// askJobs makes one request, and logs a refusal as the library does.
func (i *instance) askJobs(ctx context.Context, method, path, key string, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, i.o.Jobs+path, strings.NewReader(`{"payload":{}}`))
	if err != nil {
		return fmt.Errorf("building job request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	res, err := i.o.Client.Do(req)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			i.log(`level=error msg="trigger.dev: request did not go through"`)
		}
		return fmt.Errorf("asking the job service: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("reading the job service's answer: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		var said struct{ Error string }
		_ = json.Unmarshal(body, &said) // an answer that says nothing is logged without words
		i.log(fmt.Sprintf(`level=error msg="TriggerApiError: %d %s"`, res.StatusCode, said.Error))
		return fmt.Errorf("asking the job service: status %d", res.StatusCode)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("reading the job service's answer: %w", err)
	}
	return nil
}
