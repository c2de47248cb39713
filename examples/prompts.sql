-- Registers the twelve prompts of Northwind Outdoor, an invented shop. Run it with psql as often as you like: a prompt
-- whose content has not changed keeps its version.
\ir prompts/01_support_reply.sql
\ir prompts/02_support_classify.sql
\ir prompts/03_support_triage.sql
\ir prompts/04_support_agent.sql
\ir prompts/05_finance_invoice.sql
\ir prompts/06_ops_meeting.sql
\ir prompts/07_data_sql.sql
\ir prompts/08_content_translate.sql
\ir prompts/09_content_product.sql
\ir prompts/10_content_sentiment.sql
\ir prompts/11_marketing_subject.sql
\ir prompts/12_search_rewrite.sql
