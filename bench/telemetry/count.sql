-- A prompt as applications have them, of 1.5 KB with six variables.
SELECT prompt_register('counted', repeat('You answer customers of a furniture shop. ', 30) || '{{customer}} {{product}} {{order}} {{history}} {{language}} {{question}}');
SELECT prompt_promote('counted', 1, 'production');
CREATE TABLE variables AS SELECT jsonb_build_object('customer', 'Maria Schneider', 'product', 'Aurora standing desk, 160 cm', 'order', 'A-2024-118843', 'history', 'Two earlier tickets, both about delivery',
  'language', 'British English', 'question', 'The left motor stopped after two weeks and the display shows E04. May I have a new one?') AS given;
