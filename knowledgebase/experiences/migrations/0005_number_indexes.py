
import knowledgebase.experiences.models.numbers
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_viewers_and_reset_links'),
        ('experiences', '0004_numbers'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='experience',
            index=models.Index(fields=['score', 'change_seq'], name='experience_score'),
        ),
        migrations.AddIndex(
            model_name='experience',
            index=models.Index(fields=['evaluation_s', 'change_seq'], name='experience_evaluation_s'),
        ),
        migrations.AddIndex(
            model_name='experience',
            index=models.Index(fields=['host_memory_bytes', 'change_seq'], name='experience_host_memory_bytes'),
        ),
        migrations.AddIndex(
            model_name='experience',
            index=models.Index(fields=['device_memory_bytes', 'change_seq'], name='experience_device_memory_bytes'),
        ),
        migrations.AddIndex(
            model_name='experience',
            index=models.Index(fields=['train_rows', 'change_seq'], name='experience_train_rows'),
        ),
        migrations.AddIndex(
            model_name='experience',
            index=models.Index(fields=['started_at', 'change_seq'], name='experience_started_at'),
        ),
        migrations.AddIndex(
            model_name='experience',
            index=models.Index(fields=['received_at', 'change_seq'], name='experience_received_at'),
        ),
        migrations.AddIndex(
            model_name='experience',
            index=models.Index(fields=['owner', 'change_seq'], name='experience_owner'),
        ),
        migrations.AddIndex(
            model_name='experience',
            index=models.Index(fields=['visibility', 'change_seq'], name='experience_visibility'),
        ),
        migrations.AddIndex(
            model_name='experience',
            index=models.Index(knowledgebase.experiences.models.numbers.RecordNumber('h', 'learning_rate'), models.F('change_seq'), name='number_h_learning_rate'),
        ),
        migrations.AddIndex(
            model_name='experience',
            index=models.Index(knowledgebase.experiences.models.numbers.RecordNumber('h', 'epochs'), models.F('change_seq'), name='number_h_epochs'),
        ),
        migrations.AddIndex(
            model_name='experience',
            index=models.Index(knowledgebase.experiences.models.numbers.RecordNumber('h', 'batch_size'), models.F('change_seq'), name='number_h_batch_size'),
        ),
        migrations.AddIndex(
            model_name='experience',
            index=models.Index(knowledgebase.experiences.models.numbers.RecordNumber('h', 'lora_r'), models.F('change_seq'), name='number_h_lora_r'),
        ),
        migrations.AddIndex(
            model_name='experience',
            index=models.Index(knowledgebase.experiences.models.numbers.RecordNumber('metrics', 'validation', 'accuracy'), models.F('change_seq'), name='number_validation_accuracy'),
        ),
        migrations.AddIndex(
            model_name='experience',
            index=models.Index(knowledgebase.experiences.models.numbers.RecordNumber('metrics', 'validation', 'f1_macro'), models.F('change_seq'), name='number_validation_f1_macro'),
        ),
        migrations.AddIndex(
            model_name='experience',
            index=models.Index(knowledgebase.experiences.models.numbers.RecordNumber('metrics', 'test', 'accuracy'), models.F('change_seq'), name='number_test_accuracy'),
        ),
        migrations.AddIndex(
            model_name='experience',
            index=models.Index(knowledgebase.experiences.models.numbers.RecordNumber('metrics', 'test', 'f1_macro'), models.F('change_seq'), name='number_test_f1_macro'),
        ),
    ]
