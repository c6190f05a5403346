package config

import (
	"time"

	"rekey/rotation/watch"
)

// Watch is one watch over the checks of an application.
type Watch struct {
	// Window is how long to watch.
	Window time.Duration `key:"window" default:"15m" min:"1ms"`
	// Interval between two looks.
	Interval time.Duration `key:"interval" default:"60s" min:"1ms"`
	// InitialDelay after a deployment is live, for the blips it causes.
	InitialDelay time.Duration `key:"initial_delay" default:"60s"`
	// IngestDelay is how late a source may take its lines in.
	IngestDelay time.Duration `key:"ingest_delay" default:"60s"`
	// ErrorRetry is when a source that did not answer is asked again.
	ErrorRetry time.Duration `key:"error_retry" default:"10s"`
	// FailureLimit is how many bad looks are allowed. Above the default it must
	// be less than the looks that the watch has.
	FailureLimit int `key:"failure_limit" default:"2"`
	// ConsecutiveErrorLimit is how many errors in a row are allowed at the end.
	ConsecutiveErrorLimit int `key:"consecutive_error_limit" default:"4"`
	// NoDataLimit is how many looks without data are allowed.
	NoDataLimit int `key:"no_data_limit" default:"3"`
	// MinCoverage is the part of the looks that must have been answered. A watch
	// that measured less than half of its time has not watched.
	MinCoverage float64 `key:"min_coverage" default:"80%" min:"50%"`
	// MinRequests must have been seen in the window.
	MinRequests float64 `key:"min_requests" default:"20"`
	// MinAbs is a count of errors below which nothing is bad.
	MinAbs float64 `key:"min_abs" default:"5"`
	// MinRate is a rate of errors up to which nothing is bad.
	MinRate float64 `key:"min_rate" default:"1%"`
	// Ratio is how many times its baseline a rate may reach.
	Ratio float64 `key:"ratio" default:"2"`
}

// Params are the rules as the engine takes them.
func (w Watch) Params() watch.Params {
	return watch.Params{
		Window: w.Window, Interval: w.Interval, InitialDelay: w.InitialDelay,
		IngestDelay: w.IngestDelay, ErrorRetry: w.ErrorRetry,
		FailureLimit: w.FailureLimit, ConsecutiveErrorLimit: w.ConsecutiveErrorLimit, NoDataLimit: w.NoDataLimit,
		MinCoverage: w.MinCoverage, MinRequests: w.MinRequests, MinAbs: w.MinAbs, MinRate: w.MinRate, Ratio: w.Ratio,
	}
}
