-- The processor time of this backend, as the scheduler counts it.
CREATE FUNCTION bench_cpu_ns() RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT split_part(pg_read_file('/proc/' || pg_backend_pid() || '/schedstat'), ' ', 1)::bigint
$$;
